import { sql, type SQL } from 'drizzle-orm';
import type { VerificationEvent } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { maskPhone } from '@/lib/phone/parse';
import { cutPage, exactInstant, type Keyset } from './keyset';
import type { MessageSubject } from './message-subject';
import { matchNumber } from './number-filter';
import { sealPhoneId } from './phone-id';

/** What is looked for in the log; `subject` null: everyone's. */
export type AttemptSearch = {
  subject: Extract<MessageSubject, { kind: 'number' | 'person' }> | null;
  failuresOnly: boolean;
  before: Keyset | null;
};

/** One line of the log of verifications as operators see it. */
export type SeenAttempt = {
  id: string;
  at: Date;
  event: VerificationEvent;
  reason: string | null;
  /** Null: the event concerned no number. */
  maskedPhone: string | null;
  /** What the page of its number goes by; null with it. */
  phoneId: string | null;
  /** How many refusals of this kind, number and hour the line counts; `at` is the first of them. */
  times: number;
  /** The last of them; null: the line is one event alone. */
  lastAt: Date | null;
  /** How many networks and accounts were refused; null where that is not counted. At most a hundred are. */
  networks: number | null;
  accounts: number | null;
};

/** The events that mean that someone did not get on. */
const failedEvents = [
  'send_refused',
  'wrong_code',
  'check_refused',
  'expired',
] as const satisfies readonly VerificationEvent[];

/**
 * Reads a page of the verification log, newest first: everything, or failures alone. `older` leads on: the place of the
 * last line shown, null at the end.
 *
 * The lines of one number or person come in the order in which they were written, and are a stretch of its index, by one comparison
 * of rows: in any other order PostgreSQL would walk through everyone's lines whenever its sample makes them look like a frequent one.
 */
export async function listAttempts(
  db: Db,
  { subject, failuresOnly, before }: AttemptSearch,
  pageSize: number,
): Promise<{ attempts: SeenAttempt[]; older: string | null }> {
  const failed = sql.join(
    failedEvents.map((event) => sql`${event}`),
    sql`, `,
  );
  const { within, newestFirst } = matchPage(subject, before);
  const { rows } = await db.execute<{
    id: string;
    at: string;
    event: VerificationEvent;
    reason: string | null;
    phone: string | null;
    times: number;
    last_ms: number | null;
    networks: number | null;
    accounts: number | null;
  }>(sql`
    select id::text as id, ${exactInstant(sql`at`)} as at, event, reason, phone, times,
      extract(epoch from last_at)::float8 * 1000 as last_ms,
      case when jsonb_typeof(networks) = 'object' then (select count(*)::int from jsonb_object_keys(networks)) end as networks,
      case when jsonb_typeof(accounts) = 'object' then (select count(*)::int from jsonb_object_keys(accounts)) end as accounts
    from sms_verification_log l
    where ${within} ${failuresOnly ? sql`and event in (${failed})` : sql``}
    order by ${newestFirst}
    limit ${pageSize + 1}`);
  const page = cutPage(rows, pageSize);
  return {
    older: page.older,
    attempts: page.rows.map(({ id, at, event, reason, phone, times, last_ms, networks, accounts }) => ({
      id,
      at: new Date(at),
      event,
      reason,
      maskedPhone: phone === null ? null : maskPhone(phone),
      phoneId: phone === null ? null : sealPhoneId(phone),
      times,
      lastAt: last_ms === null ? null : new Date(Math.round(last_ms)),
      networks,
      accounts,
    })),
  };
}

/** The lines of a search that come before a place, and their order, newest first; both of one index. */
function matchPage(
  subject: AttemptSearch['subject'],
  before: Keyset | null,
): { within: SQL; newestFirst: SQL } {
  const one = nameOne(subject);
  if (one === null) {
    const who = subject?.kind === 'number' ? matchNumber(sql`phone`, subject.filter) : sql`true`;
    const older = before ? sql`and (at, id) < (${before.at}::timestamptz, ${before.id}::bigint)` : sql``;
    return { within: sql`${who} ${older}`, newestFirst: sql`l.at desc, l.id desc` };
  }
  const { column, value } = one;
  const end = before ? sql`${before.id}::bigint` : sql`9223372036854775807`;
  return {
    within: sql`(${column}, id) >= (${value}, 0) and (${column}, id) < (${value}, ${end})`,
    newestFirst: sql`l.${column} desc, l.id desc`,
  };
}

/** The column by which lines are those of one number or person, and its value; null: by none. */
function nameOne(subject: AttemptSearch['subject']): { column: SQL; value: SQL } | null {
  if (subject?.kind === 'person') return { column: sql`user_id`, value: sql`${subject.id}::uuid` };
  if (subject?.kind === 'number' && 'phone' in subject.filter)
    return { column: sql`phone`, value: sql`${subject.filter.phone}` };
  return null;
}
