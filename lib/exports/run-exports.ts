import { db as openDb, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { openLog } from '@/lib/log';
import { restAfter, runRounds, type Rounds } from '@/lib/rounds';
import { writeNextPart } from './write-exports';

/** Someone looks at the page and waits; where there is no file to write, it is one short transaction each time. */
const everyMs = 5_000;

/** Between two parts: a large file takes a small share from those who send texts. */
const pause = { times: 4, longestMs: 5_000 };

/**
 * Writes the files that admins asked for until stopped, by the database's clock. Any number of processes may run it. `stop()` begins no
 * part more and resolves when the one under way is written.
 */
export function runExports({ db, log: write }: { db?: Db; log?: (line: string) => void } = {}): Rounds {
  const log = openLog({ write });
  const onFault = (exportId: string, error: unknown) =>
    log.error('export_failed', { export: exportId, error });
  return runRounds(
    async () => {
      const open = db ?? openDb();
      const begunMs = performance.now();
      const wasThere = await writeNextPart(open, await readDatabaseClock(open), { onFault });
      return wasThere ? restAfter(begunMs, pause) : everyMs;
    },
    { everyMs, onFault: (error) => log.warn('exports_round_failed', { error }) },
  );
}
