import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { sql } from 'drizzle-orm';

/**
 * Whether texts are delayed just now: of at least 20 distinct texts of the last 5 minutes, more than half met a fault of
 * the provider (a timeout, a 5xx, failed authentication; never an error of the recipient's) and have not got through since.
 */
export async function isSmsDelayed(db: Db | Tx, now: Date): Promise<boolean> {
  const { rows } = await db.execute<{ delayed: boolean }>(sql`
    select count(*) >= 20 and count(*) filter (where faulted_at is not null) * 2 > count(*) as delayed
    from sms_messages
    where attempted_at > ${timestamp(new Date(now.getTime() - 5 * 60_000))}
      and attempted_at <= ${timestamp(now)}`);
  return rows[0]!.delayed;
}
