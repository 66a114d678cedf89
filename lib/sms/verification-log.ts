import { desc, eq, sql } from 'drizzle-orm';
import { smsVerificationLog, type VerificationEvent } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import type { RequestContext } from '@/lib/context';

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

/** Takes numbers, addresses and browsers from the attempts of a deleted account; what happened and when stays. */
export async function anonymizeVerifications(tx: Tx, userId: string): Promise<void> {
  await tx
    .update(smsVerificationLog)
    .set({ phone: null, address: null, userAgent: null, network: null })
    .where(eq(smsVerificationLog.userId, userId));
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
