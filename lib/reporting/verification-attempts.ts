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
 * The lines of one number or person come in the order in which they were written, which is that of its index. By time, PostgreSQL
 * would walk through everyone's lines whenever its sample makes them look like a frequent one.
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
  const isOne = subject?.kind === 'person' || (subject?.kind === 'number' && 'phone' in subject.filter);
  const older =
    before &&
    (isOne
      ? sql`and id < ${before.id}::bigint`
      : sql`and (at, id) < (${before.at}::timestamptz, ${before.id}::bigint)`);
  const newest = isOne ? sql`l.id desc` : sql`l.at desc, l.id desc`;
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
    where true
      ${subject ? sql`and ${matchWho(subject)}` : sql``}
      ${failuresOnly ? sql`and event in (${failed})` : sql``}
      ${older ?? sql``}
    order by ${newest}
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

function matchWho(subject: NonNullable<AttemptSearch['subject']>): SQL {
  return subject.kind === 'number' ? matchNumber(sql`phone`, subject.filter) : sql`user_id = ${subject.id}`;
}
