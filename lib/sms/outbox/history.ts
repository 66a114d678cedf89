import { desc, sql, type SQL } from 'drizzle-orm';
import { smsMessages, type MessagePurpose, type MessageStatus } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { plannedAnew } from '@/db/prepared-statements';
import { timestamp } from '@/db/timestamp';
import { readNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { textStretch, type StretchKey } from './text-stretch';
import { readSiteName, renderStoredText } from './text-templates';

/** A text as the person it went to may see it. */
export type SentText = {
  id: string;
  createdAt: Date;
  purpose: MessagePurpose;
  template: string;
  /** E.164. */
  phone: string;
  /** What it said, as far as its row can still be written out; six dots take the place of a code. */
  body: string;
  status: MessageStatus;
  /** Why it failed, waits or was withdrawn, as the outbox keeps it. */
  reason: string | null;
  errorCode: number | null;
  /** Not before this moment, while it waits. */
  sendAfter: Date;
  sentAt: Date | null;
  deliveredAt: Date | null;
  failedAt: Date | null;
};

/** At most `limit` texts, older than `before` if it is given. */
type Page = { limit: number; before?: { createdAt: Date; id: string } | null };

/**
 * Every text to a person, newest first: those meant for their account, and the answers to what they texted us from the
 * number they have proven. Codes are never part of it.
 */
export async function listTexts(
  db: Db | Tx,
  { userId, phone }: { userId: string; phone: string | null },
  page: Page,
): Promise<SentText[]> {
  return listTextsAt(db, { userId, number: phone === null ? null : await readNumber(db, phone) }, page);
}

/** The same for whoever has read the row of the person's number. */
export async function listTextsAt(
  db: Db | Tx,
  { userId, number }: { userId: string; number: NumberRow | null },
  { limit, before = null }: Page,
): Promise<SentText[]> {
  const phone = number?.number ?? null;
  const heldSince = number?.holderUserId === userId ? number.heldSince : null;
  // The row itself knows its moment exactly; a Date has milliseconds only.
  const older = before && {
    at: sql`coalesce((select created_at from sms_messages where id = ${before.id}), ${timestamp(before.createdAt)})`,
    id: sql`${before.id}::uuid`,
  };
  const sent = (key: StretchKey, since: SQL | null) =>
    textStretch([key, { column: sql`direction`, value: sql`'out'::text` }], { since, before: older });
  const mine = sent({ column: sql`user_id`, value: sql`${userId}::uuid` }, null);
  const there = heldSince && sent({ column: sql`phone`, value: sql`${phone}::text` }, timestamp(heldSince));
  // Each half by a stretch of its own, which has no text that someone wrote to us; whatever else is asked, of that alone.
  const answers =
    there === null
      ? sql``
      : sql`union all (
          select id, created_at from (
            select * from sms_messages where ${there.within} order by ${there.newestFirst} offset 0
          ) there where purpose = 'reply' and user_id is distinct from ${userId}
          order by ${there.newestFirst} limit ${limit})`;
  const rows = await db
    .select()
    .from(smsMessages)
    .where(
      sql`${plannedAnew} id = any(array(
        select id from (
          (select id, created_at from sms_messages where ${mine.within} order by ${mine.newestFirst} limit ${limit})
          ${answers}
        ) mine order by created_at desc, id desc limit ${limit}))`,
    )
    .orderBy(desc(smsMessages.createdAt), desc(smsMessages.id));
  return rows.map((row) => ({
    id: row.id,
    createdAt: row.createdAt,
    purpose: row.purpose,
    template: row.template,
    phone: row.phone,
    body: writeForReading(row),
    status: row.status,
    reason: row.reason,
    errorCode: row.errorCode,
    sendAfter: row.sendAfter,
    sentAt: row.sentAt,
    deliveredAt: row.deliveredAt,
    failedAt: row.failedAt,
  }));
}

/**
 * The words without the machine-readable last line of a code's text, and without the code; said to be lost where the row is
 * of an earlier version and cannot be written out any more.
 */
export function writeForReading({
  purpose,
  template,
  params,
}: {
  purpose: MessagePurpose;
  template: string;
  params: unknown;
}): string {
  if (purpose === 'verification') return `•••••• is your ${readSiteName(params)} code. Don’t share it.`;
  return renderStoredText(template, params)?.body ?? 'The words of this text were not kept.';
}
