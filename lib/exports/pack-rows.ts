import { sql, type SQL } from 'drizzle-orm';
import type { PackSubject } from '@/db/schema/reports';
import type { MessageDetails, MessagePurpose, MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { isDatabaseFault } from '@/db/database-fault';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { markNumber } from '@/lib/phone/mark';
import { exactInstant, type Keyset } from '@/lib/reporting/keyset';
import { explainEnd, explainSent, explainWaiting, type Gate } from '@/lib/sms/dispatch/explain-text';
import { writeForReading } from '@/lib/sms/outbox/history';
import { waysOf } from '@/lib/sms/outbox/text-stretch';
import { exportKinds } from './export-kinds';
import { hashOf } from './pack-signature';

/** A pack holds no more, so that a browser can show and print its page; whoever wants more asks for fewer days at a time. */
export const mostPackRows = 20_000;

/** The parts of a pack, in their order; each is a file of JSON, one of CSV, and a part of the page. */
export const packSections = ['consents', 'opt-outs', 'messages', 'limits'] as const;
export type PackSection = (typeof packSections)[number];

/** What stands in a field of a row. */
type FieldValue = string | number | boolean | null | MessageDetails | readonly SaidGate[];

/** What a gate said, as a pack has it. */
export type SaidGate = Pick<Gate, 'gate' | 'answer' | 'reason' | 'details'> & { passes_at: string | null };

/** A row as it stands in a pack: a value for each field of its section (`packFields`). */
export type PackRow = Record<string, FieldValue>;

type Read = Record<string, unknown> & { id: string };

type Section = {
  table: SQL;
  at: SQL;
  /** By moment and id; else by id alone, which is the order of writing, and that of its indexes. */
  byMoment: boolean;
  /** Consents and opt-outs hold until something else is said: also those from before the period are in its pack. */
  sinceEver: boolean;
  /** What is not among the rows of its table that a pack is about. */
  only?: SQL;
  columns: Record<string, SQL>;
  fields: readonly string[];
};

const moment = (name: SQL) => sql`case when isfinite(${name}) then ${exactInstant(name)} end`;

const sections: Record<PackSection, Section> = {
  consents: {
    table: sql`sms_consents`,
    at: sql`source.at`,
    byMoment: false,
    sinceEver: true,
    columns: {
      ...exportKinds.consents.columns,
      language: sql`language`,
      address: sql`(select d.address from sms_consent_details d where d.consent_id = source.id)`,
      user_agent: sql`(select d.user_agent from sms_consent_details d where d.consent_id = source.id)`,
    },
    fields: [
      ...['id', 'at', 'in_period', 'user_id', 'phone', 'scope', 'action', 'medium', 'page'],
      ...['wording_version', 'wording_sha256', 'language', 'wording', 'sender', 'legal_sender', 'sent_from'],
      ...['address', 'user_agent'],
    ],
  },
  'opt-outs': {
    table: sql`sms_opt_outs`,
    at: sql`source.at`,
    byMoment: true,
    sinceEver: true,
    columns: {
      ...exportKinds.opt_outs.columns,
      provider_sid: sql`provider_sid`,
      user_id: sql`user_id::text`,
    },
    fields: [
      ...['id', 'at', 'recorded_at', 'in_period', 'user_id', 'phone', 'act', 'channel', 'covers', 'senders'],
      ...['said_to', 'sender', 'words', 'provider_sid', 'recorded_by'],
    ],
  },
  messages: {
    table: sql`sms_messages`,
    at: sql`source.created_at`,
    byMoment: true,
    sinceEver: false,
    columns: {
      ...exportKinds.messages.columns,
      segments: sql`segments`,
      error_code: sql`error_code`,
      price_is_settled: sql`price_settled_at is not null`,
      phone_mark: sql`phone_mark`,
      estimated_price_usd: sql`estimated_price::text`,
      details: sql`details`,
      params: sql`params`,
      body: sql`body`,
      calls: sql`attempts`,
      faults: sql`faults`,
      look_ups: sql`look_ups`,
      retries: sql`retries`,
      retry_of: sql`retry_of::text`,
      request_id: sql`request_id`,
      send_after: moment(sql`send_after`),
      expires_at: moment(sql`expires_at`),
      held_by_quiet_hours_at: moment(sql`held_at`),
      first_claimed_at: moment(sql`first_claimed_at`),
      let_through_at: moment(sql`reserved_at`),
      last_called_at: moment(sql`attempted_at`),
      price_settled_at: moment(sql`price_settled_at`),
      asked_about_at: moment(sql`reconciled_at`),
      erased_at: moment(sql`erased_at`),
    },
    fields: [
      ...['id', 'created_at', 'direction', 'purpose', 'template', 'user_id', 'phone', 'phone_mark', 'text'],
      ...['status', 'provider_status', 'error_code', 'reason', 'gates', 'calls', 'faults', 'look_ups'],
      ...['retries', 'retry_of', 'sender', 'provider_sid', 'request_id', 'segments', 'price_usd'],
      ...['price_is_settled', 'estimated_price_usd', 'send_after', 'expires_at', 'held_by_quiet_hours_at'],
      ...['first_claimed_at', 'let_through_at', 'last_called_at', 'sent_at', 'delivered_at', 'failed_at'],
      ...['price_settled_at', 'asked_about_at', 'erased_at'],
    ],
  },
  limits: {
    table: sql`sms_verification_log`,
    at: sql`source.at`,
    byMoment: false,
    sinceEver: false,
    only: sql`event in ('send_refused', 'check_refused')`,
    columns: {
      ...exportKinds.attempts.columns,
      phone_mark: sql`phone_mark`,
      times: sql`times`,
      user_agent: sql`user_agent`,
      details: sql`details`,
      accounts: sql`accounts`,
    },
    fields: [
      ...['id', 'at', 'last_at', 'times', 'event', 'reason', 'user_id', 'phone', 'phone_mark', 'address'],
      ...['user_agent', 'details'],
    ],
  },
};

/** The fields of the rows of a section, in the order in which files have them. */
export function packFields(section: PackSection): readonly string[] {
  return sections[section].fields;
}

/** Rows of a pack, and the place of the last; null: there is none. */
export type PackPage = { rows: PackRow[]; last: Keyset | null };

/**
 * Reads the next rows of a section, `limit` at most, the oldest first, from `place` on (null: from the first). Each comes by an index
 * of its own from wherever the subject is named, so no step reads much more than it gives, however much there is.
 *
 * An account's are the rows that name it, and those that name nobody, such as texts from there, at the number that it holds, since it
 * has held it: what came before, or at another number, was said by someone else. A number's are all that name it, also those in which a keyed mark has taken its place. What was erased is not there any more.
 */
export async function readPackRows(
  db: Db,
  section: PackSection,
  { subject, from, to, now }: { subject: PackSubject; from: Date; to: Date; now: Date },
  place: Keyset | null,
  limit: number,
): Promise<PackPage> {
  const { table, at, byMoment, sinceEver, only, columns } = sections[section];
  const id = sql`source.id`;
  const idOf = (value: string) => (section === 'messages' ? sql`${value}::uuid` : sql`${value}::bigint`);
  const order = byMoment ? sql`${at}, ${id}` : id;
  const until = section === 'limits' ? sql`coalesce(source.last_at, source.at)` : at;
  const bounds = [
    sql`${at} < ${timestamp(to)}`,
    // Of a row that was written by hand, a moment before all others has no place to go on from.
    sinceEver ? sql`${at} >= '2000-01-02Z'` : sql`${until} >= ${timestamp(from)}`,
    only ?? null,
    place === null
      ? null
      : byMoment
        ? sql`(${at}, ${id}) > (${place.at}::timestamptz, ${idOf(place.id)})`
        : sql`${id} > ${idOf(place.id)}`,
  ].filter((bound) => bound !== null);
  const found = listSources(section, subject).map(
    ({ keys, match }) => sql`(
      select found.id, found.at from ${keys} each (key) cross join lateral (
        select source.id, ${at} as at from ${table} source
        where ${sql.join([match, ...bounds], sql` and `)} order by ${order} limit ${limit}
      ) found)`,
  );
  const inOrder = byMoment ? sql`at, id` : sql`id`;
  const selected = Object.entries(columns).map(([name, value]) => sql`${value} as ${sql.identifier(name)}`);
  const { rows } = await db.execute<Read & { place_at: string }>(sql`
    select ${sql.join(selected, sql`, `)}, ${exactInstant(at)} as place_at
    from ${table} source where id = any(array(
      select id from (${sql.join(found, sql` union all `)}) named group by id, at order by ${inOrder} limit ${limit}))
    order by ${order}`);
  const last = rows.at(-1);
  const described: PackRow[] = [];
  for (const row of rows) described.push(await describeRow(db, section, row, { subject, from, now }));
  return { rows: described, last: last ? { at: last.place_at, id: last.id } : null };
}

/** Where a subject is named: a value for each, and how a row has it. */
function listSources(section: PackSection, subject: PackSubject): { keys: SQL; match: SQL }[] {
  const phones = subject.kind === 'number' ? [subject.phone] : subject.phones;
  const atPhones = sql`unnest(${sql.param([...phones])}::text[])`;
  const { at } = sections[section];
  // Of texts each way by itself, as their index has them.
  const eachWay = sql`unnest(${sql.param([...waysOf(null)])}::text[])`;
  if (subject.kind === 'number') {
    const named =
      section === 'messages'
        ? [{ keys: eachWay, match: sql`source.phone = ${subject.phone} and source.direction = each.key` }]
        : [{ keys: atPhones, match: sql`source.phone = each.key` }];
    if (section === 'consents' || section === 'opt-outs') return named;
    const marks = env().authSecrets.map((secret) => markNumber(subject.phone, secret));
    return [
      ...named,
      { keys: sql`unnest(${sql.param(marks)}::text[])`, match: sql`source.phone_mark = each.key` },
    ];
  }
  const { userId, held } = subject;
  const fromTheirNumber =
    held === null
      ? []
      : [
          {
            keys: sql`(values (${held.phone}::text))`,
            match: sql`source.phone = each.key and source.user_id is null and ${at} >= ${held.since}::timestamptz`,
          },
        ];
  const person = sql`(values (${userId}::uuid))`;
  const theirs = { keys: person, match: sql`source.user_id = each.key` };
  switch (section) {
    case 'consents':
      return [theirs];
    case 'opt-outs':
      return [
        { keys: atPhones, match: sql`source.phone = each.key and source.user_id = ${userId}` },
        ...fromTheirNumber,
      ];
    case 'messages': {
      const texts = { keys: eachWay, match: sql`source.user_id = ${userId} and source.direction = each.key` };
      if (held === null) return [texts];
      const atNumber = sql`source.phone = ${held.phone} and source.user_id is null`;
      const sinceHeld = sql`${at} >= ${held.since}::timestamptz and source.direction = each.key`;
      return [texts, { keys: eachWay, match: sql`${atNumber} and ${sinceHeld}` }];
    }
    case 'limits':
      return [
        theirs,
        {
          keys: person,
          match: sql`source.user_id is null and source.accounts is not null and source.accounts ? each.key::text`,
        },
      ];
  }
}

type Asked = { subject: PackSubject; from: Date; now: Date };

async function describeRow(db: Db, section: PackSection, row: Read, asked: Asked): Promise<PackRow> {
  const said = await sayMore(db, section, row, asked);
  const fields = packFields(section).map((name) => [
    name,
    ((Object.hasOwn(said, name) ? said[name] : row[name]) ?? null) as FieldValue,
  ]);
  return Object.fromEntries(fields) as PackRow;
}

/** What of a row is worked out. */
async function sayMore(
  db: Db,
  section: PackSection,
  row: Read,
  { subject, from, now }: Asked,
): Promise<Record<string, unknown>> {
  switch (section) {
    case 'consents':
      return {
        in_period: isFrom(row.at, from),
        wording_sha256: typeof row.wording === 'string' ? hashOf(row.wording) : null,
      };
    case 'opt-outs':
      return { in_period: isFrom(row.at, from) };
    case 'messages':
      return { phone: row.phone || null, text: readWords(row), gates: await askGates(db, row, now) };
    case 'limits':
      return subject.kind === 'person' ? ofPerson(row, subject.userId) : {};
  }
}

function isFrom(at: unknown, from: Date): boolean {
  return typeof at === 'string' && Date.parse(at) >= from.getTime();
}

/** What a text said, as far as it is kept; a code never is. */
function readWords(row: Read): string | null {
  if (row.direction === 'in') return (row.body as string | null) ?? null;
  if (row.phone === '') return null;
  const { purpose, template, params } = row as unknown as {
    purpose: MessagePurpose;
    template: string;
    params: unknown;
  };
  return writeForReading({ purpose, template, params });
}

/** What each gate said, from what the row keeps; of a text that still waits, what it says now. */
async function askGates(db: Db, row: Read, now: Date): Promise<SaidGate[]> {
  const text = {
    status: row.status as MessageStatus,
    reason: row.reason as string | null,
    errorCode: row.error_code as number | null,
    details: row.details as MessageDetails | null,
  };
  const isWaiting = text.status === 'queued' || text.status === 'sending';
  const gates = isWaiting ? await askNow(db, row.id, now) : (explainEnd(text) ?? explainSent(text) ?? []);
  return gates.map(({ gate, answer, reason, details, passesAt }) => ({
    ...{ gate, answer, reason, details },
    passes_at: passesAt?.toISOString() ?? null,
  }));
}

/** A text whose row cannot be explained is in its pack nonetheless, without what the gates say. */
async function askNow(db: Db, id: string, now: Date): Promise<Gate[]> {
  try {
    return await explainWaiting(db, id, { env: env(), now });
  } catch (error) {
    if (isDatabaseFault(error)) throw error;
    return [];
  }
}

/** Of refusals that several accounts have a part in, only that of the person. */
function ofPerson(row: Read, userId: string): Record<string, unknown> {
  const parts = row.accounts as Record<string, [times: number, lastMs: number]> | null;
  const own = row.user_id === null ? parts?.[userId] : undefined;
  if (own === undefined) return {};
  const [times, lastMs] = own;
  const isLast = typeof row.last_at === 'string' && Date.parse(row.last_at) === lastMs;
  return { times, last_at: new Date(lastMs).toISOString(), details: isLast ? row.details : null };
}
