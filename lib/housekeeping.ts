import { db, type Db } from '@/db/client';
import { prunePendingTokens } from '@/lib/accounts/pending';
import { pruneLoginGrants, pruneSessions } from '@/lib/accounts/sessions';
import { pruneLimits } from '@/lib/limits';
import { openLog } from '@/lib/log';
import { pruneSpend } from '@/lib/sms/budget';
import { expireChallenges } from '@/lib/sms/expiry';
import { pruneRefusals } from '@/lib/sms/refused-calls';

const everyMs = 60_000;
/** So many rounds are left out for one that is not over; then it is given up for lost, and the next begins beside it. */
const roundsOfPatience = 10;

/** So many rows in one statement, which is a transaction of its own: nobody waits for it longer than some milliseconds. */
export const batchRows = 1_000;

/** So many batches of one chore in one round, so that a large arrear leaves room for the other chores. */
export const mostBatches = 200;

/** What is done, each by the batch. Each looks after itself: one that fails keeps no other from being done. */
const chores: Record<string, (db: Db, now: Date, limit: number) => Promise<number>> = {
  expireChallenges,
  pruneLimits,
  pruneSessions,
  pruneLoginGrants,
  prunePendingTokens,
  pruneSpend,
  pruneRefusals,
};

/**
 * Once a minute, ends what ran out and removes what can never be used again. Harmless when several processes do it, and
 * when the database is away: the next round catches up.
 *
 * `stop()` begins no round more and resolves when the one under way is over, which ends with its batch.
 */
export function runHousekeeping(
  timing = { everyMs, roundsOfPatience },
  keep: (now: Date, signal: AbortSignal) => Promise<void> = (now, signal) => keepHouse(db(), now, signal),
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let underWay: Promise<void> | null = null;
  let leftOut = 0;
  const timer = setInterval(() => {
    if (underWay !== null && leftOut < timing.roundsOfPatience) {
      leftOut += 1;
      return;
    }
    leftOut = 0;
    const round = keep(new Date(), stopping.signal).finally(() => {
      if (underWay === round) underWay = null;
    });
    underWay = round;
  }, timing.everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await underWay;
    },
  };
}

/** One round: every chore until nothing is left to do or `mostBatches` are done; ends between two batches when aborted. */
export async function keepHouse(database: Db, now: Date, signal?: AbortSignal): Promise<void> {
  for (const [chore, run] of Object.entries(chores)) {
    try {
      for (let batches = 0; batches < mostBatches && !signal?.aborted; batches += 1) {
        // Fewer than asked for: the rest is nothing, or in other hands.
        if ((await run(database, now, batchRows)) < batchRows) break;
      }
    } catch (error) {
      openLog().warn('housekeeping_failed', { chore, error });
    }
  }
}
