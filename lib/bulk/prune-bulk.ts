import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** Drafts are kept for a day, … */
export const draftsKeptMs = 24 * 3600 * 1000;

/** … and bulk moves that do not go on for thirty. */
const keptMs = 30 * draftsKeptMs;

/** Whether a row `m` of bulk_moves is kept no longer: its applications may be gone in part, so nothing is made of it any more. */
export function isForgotten(now: Date): SQL {
  const before = (ms: number) => timestamp(new Date(now.getTime() - ms));
  return sql`
    (m.state = 'draft' and m.state_at < ${before(draftsKeptMs)} or m.state in ('paused', 'stopped', 'done') and m.state_at < ${before(keptMs)})`;
}

/**
 * Removes drafts of more than a day, and bulk moves that ended, or paused, more than thirty days ago: `limit` of their applications
 * at most, and those that have none left. What they moved stays. Out: how many applications were removed.
 */
export async function pruneBulkMoves(db: Db, now: Date, limit: number): Promise<number> {
  const isOver = isForgotten(now);
  const items = await db.execute(sql`
    delete from bulk_items where ctid = any(array(
      select i.ctid from bulk_moves m join bulk_items i on i.bulk_id = m.id where ${isOver}
      limit ${limit} for update of i skip locked))`);
  await db.execute(sql`
    delete from bulk_moves m where ${isOver} and not exists (select from bulk_items i where i.bulk_id = m.id)`);
  return items.rowCount ?? 0;
}
