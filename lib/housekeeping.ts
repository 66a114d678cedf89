import { db } from '@/db/client';
import { pruneSessions } from '@/lib/accounts/sessions';
import { pruneLimits } from '@/lib/limits';
import { openLog } from '@/lib/log';
import { expireChallenges } from '@/lib/sms/expiry';

const everySeconds = 60;

/**
 * Once a minute, ends what ran out and removes what can never be used again. Harmless when several processes do it, and
 * when the database is away: the next round catches up.
 */
export function runHousekeeping(): { stop(): Promise<void> } {
  let round = Promise.resolve();
  const timer = setInterval(() => {
    round = round.then(keepHouse);
  }, everySeconds * 1000);
  return {
    stop: () => {
      clearInterval(timer);
      return round;
    },
  };
}

async function keepHouse(): Promise<void> {
  const now = new Date();
  try {
    await expireChallenges(db(), now);
    await pruneLimits(db(), now);
    await pruneSessions(db(), now);
  } catch (error) {
    openLog().warn('housekeeping_failed', { error });
  }
}
