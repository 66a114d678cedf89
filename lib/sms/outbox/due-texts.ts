import { sql, type SQL } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/**
 * Whether a row of `sms_messages` is due and still waits, as a condition. Before the year 2000 there was no such site: a row that
 * says so was written wrongly, and must not hide since when the others wait.
 */
export function isDueAt(now: Date): SQL {
  return sql`status = 'queued' and send_after <= ${timestamp(now)} and send_after > '2000-01-01'::timestamptz`;
}

/**
 * Whether a text with this code is in the line already, and was not called for yet. It brings the code; another would be paid for,
 * and take a place of everyone's, to say the same.
 */
export async function isCodeInLine(tx: Tx, challengeId: string, now: Date): Promise<boolean> {
  // By what the code is for alone: of a crowd, any number of texts are due.
  const { rows } = await tx.execute(sql`
    select from (
      select status, send_after, attempts from sms_messages where challenge_id = ${challengeId} offset 0
    ) carrying where ${isDueAt(now)} and attempts = 0 limit 1`);
  return rows.length > 0;
}
