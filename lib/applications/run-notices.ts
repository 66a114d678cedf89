import { setTimeout as delay } from 'node:timers/promises';
import { db as openDb, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { openLog } from '@/lib/log';
import { decideNotices, followTexts } from './decide-notices';

/** Undo times are counted in seconds, so is this: half a statement a second where nothing happens. */
const everyMs = 2_000;

/** What became of texts is looked at this often. */
const followEveryMs = 15_000;

const batch = 100;

/**
 * Decides about notices of applications as they come due, by the database's clock, and follows their texts, until stopped. Any
 * number of processes may run it. `stop()` begins nothing more and resolves when what is under way is done.
 */
export function runNotices({ db: given, log: write }: { db?: Db; log?: (line: string) => void } = {}): {
  stop(): Promise<void>;
} {
  const log = openLog({ write });
  const stopping = new AbortController();
  const { signal } = stopping;
  const onFault = (notice: string, error: unknown) => log.error('notice_not_decided', { notice, error });
  const onHeld = (count: number) => log.warn('notices_held', { count });
  const running = loop();

  async function loop(): Promise<void> {
    const db = given ?? openDb();
    let followedMs = -Infinity;
    while (!signal.aborted) {
      let isMore = false;
      try {
        const now = await readDatabaseClock(db);
        isMore = (await decideNotices(db, now, { limit: batch, onFault, onHeld })) === batch;
        if (performance.now() - followedMs >= followEveryMs) {
          followedMs = performance.now();
          while ((await followTexts(db, now, { limit: batch, onFault })) === batch && !signal.aborted);
        }
      } catch (error) {
        // The database may be restarting; what is due stays due.
        log.warn('notices_round_failed', { error });
      }
      if (!isMore) await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
