import { db as openDb, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { openLog } from '@/lib/log';
import { rest, restAfter, runRounds, type Rounds } from '@/lib/rounds';
import { countNextForecast } from './keep-forecast';

/** Someone looks at the page and waits; where none is to be counted, it is two short statements each time. */
const everyMs = 3_000;

/** Between two batches, as long as the last one took: so who sends texts has this process, too. */
const pause = { times: 1, longestMs: 2_000 };

/**
 * Counts what bulk moves would lead to until stopped, one after the other. Any number of processes may run it. `stop()` resolves when
 * the batch under way is over; what is half counted is counted anew by whoever comes next.
 */
export function runForecasts({ db, log: write }: { db?: Db; log?: (line: string) => void } = {}): Rounds {
  const log = openLog({ write });
  return runRounds(
    async (signal) => {
      const open = db ?? openDb();
      let begunMs = performance.now();
      const goOn = async () => {
        await rest(restAfter(begunMs, pause), signal);
        begunMs = performance.now();
        return !signal.aborted;
      };
      const wasThere = await countNextForecast(open, await readDatabaseClock(open), goOn);
      return wasThere ? restAfter(begunMs, pause) : everyMs;
    },
    // It comes again when its lease is over.
    { everyMs, onFault: (error) => log.warn('bulk_forecast_failed', { error }) },
  );
}
