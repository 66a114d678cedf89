import { setTimeout as delay } from 'node:timers/promises';
import { db as openDb, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { aheadOf, moveNextItems } from './move-items';

/** Someone looks at the page and waits; where none is under way, it is one short statement each time. */
const everyMs = 2_000;

/** Where the texts of all of them wait, they are looked at this often. */
const waitMs = 500;

/** Between two turns, as long as the last one took: so others have the database, too … */
const restTimes = 1;

/** … and where a turn takes long since someone holds something, the next is not put off for ever. */
const longestRestMs = 2_000;

/**
 * Makes the moves of bulk moves that are under way until stopped, by the database's clock. Any number of processes may run it.
 * `stop()` begins no turn more and resolves when the one under way is over.
 */
export function runBulkMoves({ db: given, log: write }: { db?: Db; log?: (line: string) => void } = {}): {
  stop(): Promise<void>;
} {
  const log = openLog({ write });
  const stopping = new AbortController();
  const { signal } = stopping;
  const onFault = ({ bulk, nth }: { bulk: string; nth: number }, error: unknown) =>
    log.error('bulk_item_failed', { bulk, nth, error });
  const running = loop();

  async function loop(): Promise<void> {
    const db = given ?? openDb();
    const most = aheadOf(env().smsMessagesPerSecond);
    while (!signal.aborted) {
      let restMs = everyMs;
      const begunMs = performance.now();
      try {
        const turn = await moveNextItems(db, await readDatabaseClock(db), { most, onFault });
        if (turn === 'waits') restMs = waitMs;
        if (turn === 'moved') restMs = Math.min(longestRestMs, restTimes * (performance.now() - begunMs));
      } catch (error) {
        // The database may be restarting; what is open stays open.
        log.warn('bulk_round_failed', { error });
      }
      await delay(restMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
