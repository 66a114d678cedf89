import { setTimeout as delay } from 'node:timers/promises';
import { db as openDb, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { openLog } from '@/lib/log';
import { countNextForecast } from './keep-forecast';

/** Someone looks at the page and waits; where none is to be counted, it is two short statements each time. */
const everyMs = 3_000;

/** Between two batches, as long as the last one took: so who sends texts has this process, too. */
const restTimes = 1;
const longestRestMs = 2_000;

/**
 * Counts what bulk moves would lead to until stopped, one after the other. Any number of processes may run it. `stop()` resolves when
 * the batch under way is over; what is half counted is counted anew by whoever comes next.
 */
export function runForecasts({ db: given, log: write }: { db?: Db; log?: (line: string) => void } = {}): {
  stop(): Promise<void>;
} {
  const log = openLog({ write });
  const stopping = new AbortController();
  const { signal } = stopping;
  const rest = (ms: number) => delay(ms, undefined, { signal }).catch(() => undefined);
  const running = loop();

  async function loop(): Promise<void> {
    const db = given ?? openDb();
    while (!signal.aborted) {
      let wasThere = false;
      let begunMs = performance.now();
      const goOn = async () => {
        await rest(Math.min(longestRestMs, restTimes * (performance.now() - begunMs)));
        begunMs = performance.now();
        return !signal.aborted;
      };
      try {
        wasThere = await countNextForecast(db, await readDatabaseClock(db), goOn);
      } catch (error) {
        // It comes again when its lease is over.
        log.warn('bulk_forecast_failed', { error });
      }
      await (wasThere ? goOn() : rest(everyMs));
    }
  }

  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
