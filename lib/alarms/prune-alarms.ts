import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** Removes alarms that ended before `before`, with what was told of them, `limit` at most. Out: how many. */
export async function pruneAlarms(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from alarms where id = any(array(
      select id from alarms where ended_at < ${timestamp(before)} order by ended_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
