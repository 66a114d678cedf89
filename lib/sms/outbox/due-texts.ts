import { sql, type SQL } from 'drizzle-orm';
import { timestamp } from '@/db/timestamp';

/**
 * Whether a row of `sms_messages` is due and still waits, as a condition. Before the year 2000 there was no such site: a row that
 * says so was written wrongly, and must not hide since when the others wait.
 */
export function isDueAt(now: Date): SQL {
  return sql`status = 'queued' and send_after <= ${timestamp(now)} and send_after > '2000-01-01'::timestamptz`;
}
