import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** What is further ahead was written by a clock that was wrong. */
const farAheadMs = 5 * 60_000;

/** Reads when a dispatcher last ended its round of a minute, the check of the alarms; null: none ever has. */
export async function readLastRound(db: Db | Tx, now: Date): Promise<Date | null> {
  const { rows } = await db.execute<{ checked_ms: number | null }>(sql`
    select (extract(epoch from max(checked_at)) * 1000)::float8 as checked_ms
    from alarm_rounds where isfinite(checked_at) and checked_at <= ${timestamp(new Date(now.getTime() + farAheadMs))}`);
  const checkedMs = rows[0]?.checked_ms ?? null;
  return checkedMs === null ? null : new Date(checkedMs);
}
