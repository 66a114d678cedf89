import { db } from '@/db/client';
import { pruneSessions } from '@/lib/accounts/sessions';
import { pruneLimits } from '@/lib/limits';
import { openLog } from '@/lib/log';
import { expireChallenges } from '@/lib/sms/expiry';

const everyMs = 60_000;
/** So many rounds are left out for one that is not over; then it is given up for lost, and the next begins beside it. */
const roundsOfPatience = 10;

/** The chores of a round. Each looks after itself: one that fails keeps no other from being done. */
const chores: Record<string, (now: Date) => Promise<unknown>> = {
  expireChallenges: (now) => expireChallenges(db(), now),
  pruneLimits: (now) => pruneLimits(db(), now),
  pruneSessions: (now) => pruneSessions(db(), now),
};

/**
 * Once a minute, ends what ran out and removes what can never be used again. Harmless when several processes do it, and
 * when the database is away: the next round catches up.
 *
 * `stop()` begins no round more and resolves when the one under way is over.
 */
export function runHousekeeping(
  timing = { everyMs, roundsOfPatience },
  keep: (now: Date) => Promise<void> = keepHouse,
): { stop(): Promise<void> } {
  let underWay: Promise<void> | null = null;
  let leftOut = 0;
  const timer = setInterval(() => {
    if (underWay !== null && leftOut < timing.roundsOfPatience) {
      leftOut += 1;
      return;
    }
    leftOut = 0;
    const round = keep(new Date()).finally(() => {
      if (underWay === round) underWay = null;
    });
    underWay = round;
  }, timing.everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await underWay;
    },
  };
}

async function keepHouse(now: Date): Promise<void> {
  for (const [chore, run] of Object.entries(chores)) {
    try {
      await run(now);
    } catch (error) {
      openLog().warn('housekeeping_failed', { chore, error });
    }
  }
}
