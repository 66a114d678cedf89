import { sql, type SQL } from 'drizzle-orm';
import type { MessagePurpose, MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { plannedAnew } from '@/db/prepared-statements';
import { hideNumbers } from '@/lib/phone/hide-numbers';
import { maskPhone } from '@/lib/phone/parse';
import { textStretch, waysOf, type StretchKey } from '@/lib/sms/outbox/text-stretch';
import { cutPage, exactInstant, type Keyset } from './keyset';
import type { MessageSubject } from './message-subject';
import { matchNumber } from './number-filter';
import { sealPhoneId } from './phone-id';

/** What is looked for among the texts; null: everything. */
export type TextSearch = {
  subject: Exclude<MessageSubject, { kind: 'names' }> | null;
  status: MessageStatus | null;
  template: string | null;
  errorCode: number | null;
  before: Keyset | null;
};

/** A text as operators see it: its number masked, and never a code. */
export type SeenText = {
  id: string;
  createdAt: Date;
  /** Null: the number was erased. */
  maskedPhone: string | null;
  /** What the page of its number goes by; null with it. */
  phoneId: string | null;
  purpose: MessagePurpose;
  template: string;
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

type Row = {
  id: string;
  at: string;
  phone: string;
  purpose: MessagePurpose;
  template: string;
  status: MessageStatus;
  segments: number | null;
  price: string | null;
  settled: boolean;
  error_code: number | null;
  reason: string | null;
  body: string | null;
};

/**
 * Reads a page of the texts that fit, newest first. `older` leads on: the place of the last text shown, null at the end.
 *
 * However rare what is looked for is, no more is read than the texts of its subject, or a page of each state.
 */
export async function searchTexts(
  db: Db,
  search: TextSearch,
  pageSize: number,
): Promise<{ texts: SeenText[]; older: string | null }> {
  const limit = sql`limit ${pageSize + 1}`;
  const { rows } = await db.execute<Row>(sql`
    ${plannedAnew} select id, ${exactInstant(sql`created_at`)} as at, phone, purpose, template, status, segments, price::text as price,
      price_settled_at is not null as settled, error_code, reason, case when direction = 'in' then body end as body
    from ${findPlace(search, limit)}
    order by created_at desc, id desc
    ${limit}`);
  const page = cutPage(rows, pageSize);
  return { older: page.older, texts: page.rows.map(describeText) };
}

/** Where the texts that fit are read from: their table, or the stretch of one index that has them all, in their order. */
function findPlace(search: TextSearch, limit: SQL): SQL {
  const { subject, status, template, errorCode, before } = search;
  const older = before ? sql`(created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)` : sql`true`;
  const narrow = sql`${status === null ? sql`true` : sql`status = ${status}`}
    and ${template === null ? sql`true` : sql`template = ${template}`}
    and ${errorCode === null ? sql`true` : sql`error_code = ${errorCode}`}`;
  const isNarrow = status !== null || template !== null || errorCode !== null;
  const place = before && { at: sql`${before.at}::timestamptz`, id: sql`${before.id}::uuid` };
  if (subject !== null) {
    const keys = keysOf(subject);
    // Read by its own index, whatever else is asked: a subject has few texts, and what is rare may be rare nowhere else.
    if (keys === null && !isNarrow) return sql`sms_messages where ${matchSubject(subject)} and ${older}`;
    if (keys === null) {
      return sql`(
        select * from sms_messages where ${matchSubject(subject)} and ${older} order by created_at desc, id desc offset 0
      ) of_subject where ${narrow}`;
    }
    const { within, newestFirst } = textStretch(keys, { before: place });
    // An error is told of what we sent alone.
    const ways = errorCode === null ? waysOf(status) : waysOf('failed');
    return sql`unnest(${textArray(ways)}) wanted (way) cross join lateral (
      select * from (
        select m.* from sms_messages m where ${within} order by ${newestFirst} ${isNarrow ? sql`offset 0` : limit}
      ) of_subject where ${narrow} order by ${newestFirst} ${limit}
    ) stretch`;
  }
  if (template === null && errorCode === null) return sql`sms_messages where ${narrow} and ${older}`;
  const { within, newestFirst } = textStretch(
    [
      ...(errorCode === null ? [] : [{ column: sql`error_code`, value: sql`${errorCode}::int` }]),
      ...(template === null ? [] : [{ column: sql`template`, value: sql`${template}::text` }]),
      { column: sql`status`, value: sql`wanted.state` },
    ],
    { before: place },
  );
  return sql`unnest(${textArray(status === null ? everyStatus : [status])}) wanted (state) cross join lateral (
    select m.* from sms_messages m
    where ${within} ${errorCode === null ? sql`` : sql`and error_code is not null`}
    order by ${newestFirst}
    ${limit}
  ) stretch`;
}

/** What all texts of a person or of one number have in common that went the `wanted` way; null: it is another subject. */
function keysOf(subject: NonNullable<TextSearch['subject']>): StretchKey[] | null {
  const way = { column: sql`direction`, value: sql`wanted.way` };
  if (subject.kind === 'person') return [{ column: sql`user_id`, value: sql`${subject.id}::uuid` }, way];
  if (subject.kind !== 'number' || !('phone' in subject.filter)) return null;
  return [{ column: sql`phone`, value: sql`${subject.filter.phone}::text` }, way];
}

/** The condition of texts that a subject has. Those of an application are of its notices and answers, with their repetitions. */
function matchSubject(subject: NonNullable<TextSearch['subject']>): SQL {
  switch (subject.kind) {
    case 'number':
      return matchNumber(sql`phone`, subject.filter);
    case 'person':
      return sql`user_id = ${subject.id}`;
    case 'application':
      return sql`id = any(array(
        with recursive tries as (
          select message_id as id from application_notices where application_id = ${subject.id}
          union select message_id from application_events where application_id = ${subject.id}
          union select m.id from tries join sms_messages m on m.dedupe_key = 'retry:' || tries.id::text)
        select id from tries where id is not null))`;
  }
}

/** Every state that a text can have: the table's own check knows no other. */
const everyStatus: readonly MessageStatus[] = [
  'queued',
  'sending',
  'sent',
  'delivered',
  'failed',
  'canceled',
  'received',
];

function textArray(values: readonly string[]): SQL {
  return sql`array[${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )}]::text[]`;
}

function describeText(row: Row): SeenText {
  return {
    id: row.id,
    createdAt: new Date(row.at),
    maskedPhone: row.phone === '' ? null : maskPhone(row.phone),
    phoneId: row.phone === '' ? null : sealPhoneId(row.phone),
    purpose: row.purpose,
    template: row.template,
    status: row.status,
    segments: row.segments,
    priceUsd: row.price,
    settled: row.settled,
    errorCode: row.error_code,
    reason: row.reason,
    inboundBody: row.body === null ? null : hideNumbers(row.body),
  };
}
