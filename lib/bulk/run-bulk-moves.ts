import { db as openDb, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { restAfter, runRounds, type Rounds } from '@/lib/rounds';
import { aheadOf, moveNextItems } from './move-items';

/** Someone looks at the page and waits; where none is under way, it is one short statement each time. */
const everyMs = 2_000;

/** Where the texts of all of them wait, they are looked at this often. */
const waitMs = 500;

/** Between two turns. */
const pause = { times: 1, longestMs: 2_000 };

/**
 * Makes the moves of bulk moves that are under way until stopped, by the database's clock. Any number of processes may run it.
 * `stop()` begins no turn more and resolves when the one under way is over.
 */
export function runBulkMoves({ db, log: write }: { db?: Db; log?: (line: string) => void } = {}): Rounds {
  const log = openLog({ write });
  const onFault = ({ bulk, nth }: { bulk: string; nth: number }, error: unknown) =>
    log.error('bulk_item_failed', { bulk, nth, error });
  const most = aheadOf(env().smsMessagesPerSecond);
  return runRounds(
    async () => {
      const open = db ?? openDb();
      const begunMs = performance.now();
      const turn = await moveNextItems(open, await readDatabaseClock(open), { most, onFault });
      if (turn === 'waits') return waitMs;
      return turn === 'moved' ? restAfter(begunMs, pause) : everyMs;
    },
    { everyMs, onFault: (error) => log.warn('bulk_round_failed', { error }) },
  );
}
