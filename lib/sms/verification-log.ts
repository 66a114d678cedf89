import { desc, eq, sql, type SQL } from 'drizzle-orm';
import { smsVerificationLog, type VerificationEvent } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { askedWithinSeconds } from './line';
import { markNumber } from './number-mark';

/** Appends one event of a verification. Never the code. */
export async function logVerification(
  tx: Tx | Db,
  event: VerificationEvent,
  about: {
    userId: string | null;
    phone: string | null;
    challengeId?: string | null;
    reason?: string;
    /** The keyed mark of the network that asked for a code. */
    network?: string | null;
    details?: Record<string, string | number | boolean | null>;
  },
  context: RequestContext,
): Promise<void> {
  await tx.insert(smsVerificationLog).values({
    at: context.now,
    event,
    reason: about.reason ?? null,
    phone: about.phone,
    userId: about.userId,
    challengeId: about.challengeId ?? null,
    address: context.address,
    userAgent: context.userAgent,
    network: about.network ?? null,
    details: about.details ?? null,
  });
}

export type VerificationEntry = typeof smsVerificationLog.$inferSelect;

/** The attempts of one person, newest first, at most `limit`; null: all of them. */
export async function listVerifications(
  db: Db | Tx,
  userId: string,
  limit: number | null,
): Promise<VerificationEntry[]> {
  const entries = db
    .select()
    .from(smsVerificationLog)
    .where(eq(smsVerificationLog.userId, userId))
    .orderBy(desc(smsVerificationLog.at), desc(smsVerificationLog.id));
  return limit === null ? entries : entries.limit(limit);
}

/** Until when the line of waiting codes was too long for this person's, if that was the last thing that happened; or null. */
export async function readCrowdedUntil(db: Db | Tx, userId: string, now: Date): Promise<Date | null> {
  const [last] = await listVerifications(db, userId, 1);
  if (last?.event !== 'send_refused' || last.reason !== 'crowded') return null;
  const moment = last.details?.retry_at;
  const at = typeof moment === 'string' ? new Date(moment) : null;
  return at !== null && at > now ? at : null;
}

/**
 * Takes numbers, addresses and browsers from the attempts of an account that ends; what happened and when stays, and a keyed
 * mark in the place of the number. The mark of the network stays for the hour in which the line of codes counts by it, so
 * that nobody gets to the front by ending accounts.
 */
export async function anonymizeVerifications(tx: Tx, userId: string, now: Date): Promise<void> {
  const { rows } = await tx.execute<{ phone: string }>(sql`
    select distinct phone from sms_verification_log where ${concerns(userId)} and phone is not null`);
  const phones = rows.map((row) => row.phone);
  const since = sql`${now.toISOString()}::timestamptz - ${askedWithinSeconds}::float8 * interval '1 second'`;
  await tx.execute(sql`
    update sms_verification_log log set
      phone = null, address = null, user_agent = null, fold_key = null,
      phone_mark = coalesce((
        select mark from unnest(${sql.param(phones)}::text[], ${sql.param(phones.map((phone) => markNumber(phone)))}::text[])
          as marks (number, mark) where number = phone), phone_mark),
      network = case when coalesce(last_at, at) > ${since} then network end,
      networks = case when coalesce(last_at, at) > ${since} then networks end
    where ${concerns(userId)}`);
}

/** The rows that one account has a part in, by itself or among others. */
function concerns(userId: string): SQL {
  return sql`(user_id = ${userId} or (user_id is null and accounts is not null and accounts ? ${userId}))`;
}

/** The limits of a number let no more than a few of them have a code; each is looked at under its lock. */
const mostAskers = 50;

/** Who asked for a code to this number at `since` or later, and neither proved it nor went on without: the last fifty, last first. */
export async function findAskers(tx: Tx, phone: string, since: Date): Promise<string[]> {
  const { rows } = await tx.execute<{ user_id: string }>(sql`
    select user_id from sms_verification_log
    where phone = ${phone} and at >= ${since.toISOString()}::timestamptz and user_id is not null
    group by user_id
    having max(id) filter (where event in ('send_requested', 'send_refused'))
      > coalesce(max(id) filter (where event in ('verified', 'skipped')), 0)
    order by max(id) filter (where event in ('send_requested', 'send_refused')) desc
    limit ${mostAskers}`);
  return rows.map((row) => row.user_id);
}
