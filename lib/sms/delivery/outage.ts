import type { Db } from '@/db/client';
import { isDatabaseFault } from '@/db/database-fault';
import { timestamp } from '@/db/timestamp';
import { sql } from 'drizzle-orm';

/**
 * Whether texts are delayed just now: of at least 20 distinct texts of the last 5 minutes, more than half met a fault of
 * the provider (a timeout, a 5xx, failed authentication; never an error of the recipient's) and have not got through since.
 *
 * Only to be said: while the database does not answer nothing is known, and the page that asks is shown all the same.
 */
export async function isSmsDelayed(db: Db, now: Date): Promise<boolean> {
  const asked = db.execute<{ delayed: boolean }>(sql`
    select count(*) >= 20 and count(*) filter (where faulted_at is not null) * 2 > count(*) as delayed
    from sms_messages
    where attempted_at > ${timestamp(new Date(now.getTime() - 5 * 60_000))}
      and attempted_at <= ${timestamp(now)}`);
  try {
    return (await asked).rows[0]!.delayed;
  } catch (error) {
    if (isDatabaseFault(error)) return false;
    throw error;
  }
}
