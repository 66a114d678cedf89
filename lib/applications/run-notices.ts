import { sql } from 'drizzle-orm';
import { db as openDb, type Db } from '@/db/client';
import { openLog } from '@/lib/log';
import { runRounds, type Rounds } from '@/lib/rounds';
import { decideNotices } from './decide-notices';
import { followTexts } from './follow-notices';

/** Undo times are counted in seconds, so is this: half a statement a second where nothing happens. */
const everyMs = 2_000;

/** What became of texts is looked at this often. */
const followEveryMs = 15_000;

const batch = 100;

/**
 * Decides about notices of applications as they come due, by the database's clock, and follows their texts, until stopped. Any
 * number of processes may run it. `stop()` begins nothing more and resolves when what is under way is done.
 */
export function runNotices({ db, log: write }: { db?: Db; log?: (line: string) => void } = {}): Rounds {
  const log = openLog({ write });
  const onFault = (notice: string, error: unknown) => log.error('notice_not_decided', { notice, error });
  const onHeld = (count: number) => log.warn('notices_held', { count });
  let followedMs = -Infinity;
  return runRounds(
    async () => {
      const open = db ?? openDb();
      let isMore = false;
      const { now, isDue, isToFollow } = await readDue(open);
      if (isDue) isMore = (await decideNotices(open, now, { limit: batch, onFault, onHeld })) === batch;
      // One batch between two rounds of deciding: however much there is to follow, news does not wait for it.
      if (isToFollow && performance.now() - followedMs >= followEveryMs) {
        const isMoreToFollow = (await followTexts(open, now, { limit: batch, onFault })) === batch;
        if (!isMoreToFollow) followedMs = performance.now();
        isMore ||= isMoreToFollow;
      }
      return isMore ? 0 : everyMs;
    },
    { everyMs, onFault: (error) => log.warn('notices_round_failed', { error }) },
  );
}

/** Whether there is anything to do, and the time of the database, in whole milliseconds: all in one statement. */
async function readDue(db: Db): Promise<{ now: Date; isDue: boolean; isToFollow: boolean }> {
  const { rows } = await db.execute<{ now_ms: number; is_due: boolean; is_to_follow: boolean }>(sql`
    select ceil(extract(epoch from statement_timestamp()) * 1000)::float8 as now_ms,
      coalesce((select min(due_at) from application_notices where decided_at is null) <= statement_timestamp(), false) as is_due,
      coalesce((select min(check_at) from application_notices where check_at is not null) <= statement_timestamp(), false)
        as is_to_follow`);
  const { now_ms: nowMs, is_due: isDue, is_to_follow: isToFollow } = rows[0]!;
  return { now: new Date(nowMs), isDue, isToFollow };
}
