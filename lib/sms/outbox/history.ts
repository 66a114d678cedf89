import { desc, sql } from 'drizzle-orm';
import { smsMessages, type MessagePurpose, type MessageStatus } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { readNumber, type NumberRow } from '@/lib/sms/numbers/number';
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

/** At most `limit` texts (null: all), older than `before` if it is given. */
type Page = { limit: number | null; before?: { createdAt: Date; id: string } | null };

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
  const moment =
    before &&
    sql`coalesce((select created_at from sms_messages where id = ${before.id}), ${before.createdAt.toISOString()})`;
  const older =
    before === null
      ? sql``
      : sql`and created_at <= ${moment} and (created_at < ${moment} or id < ${before.id})`;
  const newest = sql`order by created_at desc, id desc ${limit === null ? sql`` : sql`limit ${limit}`}`;
  // Each half by an index of its own, so that a page reads no more than its rows.
  const answers =
    heldSince === null
      ? sql``
      : sql`union all (
          select id, created_at from sms_messages
          where phone = ${phone} and purpose = 'reply' and direction = 'out' and user_id is distinct from ${userId}
            and created_at >= ${timestamp(heldSince)} ${older} ${newest})`;
  const rows = await db
    .select()
    .from(smsMessages)
    .where(
      sql`id = any(array(
        select id from (
          (select id, created_at from sms_messages where user_id = ${userId} and direction = 'out' ${older} ${newest})
          ${answers}
        ) mine ${newest}))`,
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
