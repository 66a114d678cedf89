import { sql } from 'drizzle-orm';
import type { MessagePurpose, MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { hideDigits } from '@/lib/log';
import { maskPhone } from '@/lib/phone/parse';
import { cutPage, exactInstant, type Keyset } from './keyset';
import { matchNumber, type NumberFilter } from './number-filter';

/** A text as operators see it: its number masked, and never a code. */
export type SeenText = {
  id: string;
  createdAt: Date;
  maskedPhone: string;
  purpose: MessagePurpose;
  status: MessageStatus;
  segments: number | null;
  /** Exact decimal, as text; null: it costs nothing so far. */
  priceUsd: string | null;
  /** Whether the provider has reported that price; else it is our estimate. */
  settled: boolean;
  errorCode: number | null;
  reason: string | null;
  /** What a person wrote to us, with whatever could be a number or a code hidden; null for our own texts. */
  inboundBody: string | null;
};

/**
 * Reads a page of the texts that fit, newest first. `older` leads on: the place of the last text shown, null at the end.
 */
export async function searchTexts(
  db: Db,
  {
    number,
    status,
    before,
    pageSize,
  }: { number: NumberFilter | null; status: MessageStatus | null; before: Keyset | null; pageSize: number },
): Promise<{ texts: SeenText[]; older: string | null }> {
  const { rows } = await db.execute<{
    id: string;
    at: string;
    phone: string;
    purpose: MessagePurpose;
    status: MessageStatus;
    segments: number | null;
    price: string | null;
    settled: boolean;
    error_code: number | null;
    reason: string | null;
    body: string | null;
  }>(sql`
    select id, ${exactInstant(sql`created_at`)} as at, phone, purpose, status, segments, price::text as price,
      price_settled_at is not null as settled, error_code, reason, case when direction = 'in' then body end as body
    from sms_messages
    where true
      ${number ? sql`and ${matchNumber(sql`phone`, number)}` : sql``}
      ${status ? sql`and status = ${status}` : sql``}
      ${before ? sql`and (created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)` : sql``}
    order by created_at desc, id desc
    limit ${pageSize + 1}`);
  const page = cutPage(rows, pageSize);
  return {
    older: page.older,
    texts: page.rows.map((row) => ({
      id: row.id,
      createdAt: new Date(row.at),
      maskedPhone: maskPhone(row.phone),
      purpose: row.purpose,
      status: row.status,
      segments: row.segments,
      priceUsd: row.price,
      settled: row.settled,
      errorCode: row.error_code,
      reason: row.reason,
      inboundBody: row.body === null ? null : hideDigits(row.body),
    })),
  };
}
