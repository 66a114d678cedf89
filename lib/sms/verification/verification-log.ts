import { desc, sql, type SQL } from 'drizzle-orm';
import { smsVerificationLog, type VerificationEvent } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { foldRefusal, isFolded } from './fold-refusal';
import { askedWithinSeconds } from '@/lib/sms/capacity/send-order';
import { countRefusal } from '@/lib/metrics/meters';
import { markNumber } from '@/lib/phone/mark';
import { isFarAhead } from '@/lib/stored-moment';

/** Appends one event of a verification, or adds a refusal to those of its kind, number and hour. Never the code. */
export async function logVerification(
  tx: Tx | Db,
  event: VerificationEvent,
  about: {
    userId: string | null;
    phone: string | null;
    challengeId?: string | null;
    reason?: string;
    /** The keyed mark of the network that it came from: of who asked for a code, or was refused. */
    network?: string | null;
    details?: Record<string, string | number | boolean | null>;
  },
  context: RequestContext,
): Promise<void> {
  const { userId, phone, challengeId = null, reason = null, network = null, details = null } = about;
  if (reason !== null && (event === 'send_refused' || event === 'check_refused')) countRefusal(reason);
  if (userId !== null && reason !== null && isFolded(event, reason)) {
    await foldRefusal(tx, { event, reason, phone, userId, challengeId, network, details }, context);
    return;
  }
  await tx.insert(smsVerificationLog).values({
    at: context.now,
    event,
    reason,
    phone,
    userId,
    challengeId,
    address: context.address,
    userAgent: context.userAgent,
    network,
    details,
  });
}

/** An event of one person's. `times` and `lastAt` (null: once) are their own, whoever else has a part in the row. */
export type VerificationEntry = Pick<
  typeof smsVerificationLog.$inferSelect,
  'id' | 'at' | 'event' | 'reason' | 'phone' | 'address' | 'userAgent' | 'details' | 'times' | 'lastAt'
>;

/** The attempts of one person, newest first: `limit` of them, those that began before the one with the id `before`. */
export async function listVerifications(
  db: Db | Tx,
  userId: string,
  limit: number,
  before: number | null = null,
): Promise<VerificationEntry[]> {
  const older = before === null ? sql`` : sql`and id < ${before}`;
  const rows = await db
    .select()
    .from(smsVerificationLog)
    .where(
      sql`id = any(array(
        select id from (
          (select id from sms_verification_log where user_id = ${userId} ${older} order by id desc limit ${limit})
          union all
          (select id from sms_verification_log where ${isAmong(userId)} ${older} order by id desc limit ${limit})
        ) mine order by id desc limit ${limit}))`,
    )
    .orderBy(desc(smsVerificationLog.id));
  return rows.map((row) => ofPerson(row, userId));
}

function ofPerson(row: typeof smsVerificationLog.$inferSelect, userId: string): VerificationEntry {
  const { id, at, event, reason, phone, address, userAgent, details, times, lastAt } = row;
  const entry = { id, at, event, reason, phone, address, userAgent, details, times, lastAt };
  const own = row.userId === null ? row.accounts?.[userId] : undefined;
  if (own === undefined) return entry;
  const [ownTimes, ownLastMs] = own;
  // What the last refusal said may have been said to someone else.
  const isLast = lastAt?.getTime() === ownLastMs;
  return { ...entry, times: ownTimes, lastAt: new Date(ownLastMs), details: isLast ? details : null };
}

/** So many entries hold the last hour of anyone, in which a row may still be added to. */
const entriesOfAnHour = 50;

/** The last thing that happened to a person, or null. */
export async function readLastVerification(db: Db | Tx, userId: string): Promise<VerificationEntry | null> {
  const entries = await listVerifications(db, userId, entriesOfAnHour);
  const moment = ({ at, lastAt }: VerificationEntry) => (lastAt ?? at).getTime();
  return entries.reduce<VerificationEntry | null>(
    (last, entry) => (last === null || moment(entry) > moment(last) ? entry : last),
    null,
  );
}

/** Why a person got no code at all, whoever they are, and until when no other goes out to them. */
export type SendPutOff = { reason: 'crowded' | 'range_closed' | 'network_closed'; until: Date };

const putOffReasons: readonly SendPutOff['reason'][] = ['crowded', 'range_closed', 'network_closed'];

/** Until when this person's code was put off, if that was the last thing that happened; or null. */
export async function readSendPutOff(db: Db | Tx, userId: string, now: Date): Promise<SendPutOff | null> {
  const last = await readLastVerification(db, userId);
  const reason = putOffReasons.find((known) => known === last?.reason);
  if (last?.event !== 'send_refused' || reason === undefined || isFarAhead(last.lastAt ?? last.at, now))
    return null;
  const moment = last.details?.retry_at;
  const until = typeof moment === 'string' ? new Date(moment) : null;
  return until !== null && until > now ? { reason, until } : null;
}

/** Attempts of an account of which something can be erased: their ids. At most `limit`. */
export async function findTellingAttempts(
  tx: Tx | Db,
  userId: string,
  now: Date,
  limit: number | null,
): Promise<string[]> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id::text as id from sms_verification_log
    where ${concerns(userId)} and (
      phone is not null or address is not null or user_agent is not null or fold_key is not null
      or ((network is not null or networks is not null) and not ${countsInLine(now)}))
    limit ${limit}`);
  return rows.map((row) => row.id);
}

/**
 * Takes numbers, addresses and browsers from these attempts; what happened and when stays, and a keyed mark in the place of
 * the number. The mark of the network stays for the hour in which the line of codes counts by it, so that nobody gets to the
 * front by ending accounts.
 */
export async function anonymizeAttempts(tx: Tx | Db, ids: readonly string[], now: Date): Promise<void> {
  if (ids.length === 0) return;
  const chosen = sql`id = any(${sql.param(ids)}::bigint[])`;
  const { rows } = await tx.execute<{ phone: string }>(
    sql`select distinct phone from sms_verification_log where ${chosen} and phone is not null`,
  );
  const phones = rows.map((row) => row.phone);
  const marks = phones.map((phone) => markNumber(phone));
  await tx.execute(sql`
    update sms_verification_log set
      phone = null, address = null, user_agent = null, fold_key = null,
      phone_mark = coalesce((
        select mark from unnest(${sql.param(phones)}::text[], ${sql.param(marks)}::text[]) as marks (number, mark)
          where number = phone), phone_mark),
      network = case when ${countsInLine(now)} then network end,
      networks = case when ${countsInLine(now)} then networks end
    where id = any(array(select id from sms_verification_log where ${chosen} order by id for update))`);
}

function countsInLine(now: Date): SQL {
  return sql`(coalesce(last_at, at)
    > ${timestamp(now)} - ${askedWithinSeconds}::float8 * interval '1 second')`;
}

/** The rows that one account has a part in, by itself or among others. */
function concerns(userId: string): SQL {
  return sql`(user_id = ${userId} or (${isAmong(userId)}))`;
}

/** Refusals of several accounts, of which this is one. */
function isAmong(userId: string): SQL {
  return sql`user_id is null and accounts is not null and accounts ? ${userId}::text`;
}

/** The limits of a number let no more than a few of them have a code; each is looked at under its lock. */
const mostAskers = 50;

/** Looked for among so many rows of the number, the last: however many accounts were refused a code to it. */
const mostActs = 5_000;

/**
 * Who asked for a code to this number at `since` or later, and neither proved it nor went on without: the last fifty, last
 * first.
 */
export async function findAskers(tx: Tx, phone: string, since: Date): Promise<string[]> {
  const asked = sql`event in ('send_requested', 'send_refused') and coalesce(reason, '') not in ('recovery', 'sign_in')`;
  // A row of refusals holds those of an hour.
  const begun = sql`${timestamp(since)} - interval '1 hour'`;
  const { rows } = await tx.execute<{ user_id: string }>(sql`
    with latest as materialized (
      select * from sms_verification_log where phone = ${phone} order by phone desc, id desc limit ${mostActs}
    )
    select user_id from (
      select user_id, id, event, reason, coalesce(last_at, at) as moment from latest
      where at >= ${begun} and user_id is not null
      union all
      select account::uuid, id, event, reason, to_timestamp((accounts -> account ->> 1)::float8 / 1000)
      from latest cross join lateral jsonb_object_keys(accounts) account
      where at >= ${begun} and user_id is null and accounts is not null
    ) acts
    where moment >= ${timestamp(since)}
    group by user_id
    having max(moment) filter (where ${asked})
      > coalesce(max(moment) filter (where event in ('verified', 'skipped')), '-infinity')
    order by max(moment) filter (where ${asked}) desc, max(id) desc
    limit ${mostAskers}`);
  return rows.map((row) => row.user_id);
}
