import { setTimeout as delay } from 'node:timers/promises';
import { db as openDb, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { openLog } from '@/lib/log';
import { writeNextPart } from './write-exports';

/** Someone looks at the page and waits; where there is no file to write, it is one short transaction each time. */
const everyMs = 5_000;

/** Between two parts, so many times what the last one took: so a large file takes a small share from those who send texts … */
const restTimes = 4;

/** … and where a part takes long since someone holds something, the next is not put off for ever. */
const longestRestMs = 5_000;

/**
 * Writes the files that admins asked for until stopped, by the database's clock. Any number of processes may run it. `stop()` begins no
 * part more and resolves when the one under way is written.
 */
export function runExports({ db: given, log: write }: { db?: Db; log?: (line: string) => void } = {}): {
  stop(): Promise<void>;
} {
  const log = openLog({ write });
  const stopping = new AbortController();
  const { signal } = stopping;
  const onFault = (exportId: string, error: unknown) =>
    log.error('export_failed', { export: exportId, error });
  const running = loop();

  async function loop(): Promise<void> {
    const db = given ?? openDb();
    while (!signal.aborted) {
      let wasThere = false;
      const begunMs = performance.now();
      try {
        wasThere = await writeNextPart(db, await readDatabaseClock(db), { onFault });
      } catch (error) {
        log.warn('exports_round_failed', { error });
      }
      const restMs = Math.min(longestRestMs, restTimes * (performance.now() - begunMs));
      await delay(wasThere ? restMs : everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
