import { sql, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/**
 * Ends challenges that ran out, `limit` at most, the oldest first, and logs each expiry once, whoever else does the same at the
 * same instant. One statement; what others hold is left to them. Out: how many were ended.
 */
export async function expireChallenges(db: Db, now: Date, limit: number): Promise<number> {
  return endExpired(
    db,
    sql`id = any(array(
      select id from sms_verifications
      where consumed_at is null and ended_at is null and expires_at <= ${timestamp(now)}
      order by expires_at limit ${limit} for update skip locked))`,
    now,
  );
}

/** Ends a person's challenge if it ran out, and logs it. For a person who wants a new code before housekeeping ran. */
export async function expireChallengeOf(tx: Tx, userId: string, now: Date): Promise<void> {
  await endExpired(tx, sql`user_id = ${userId}`, now);
}

async function endExpired(db: Db | Tx, which: SQL, now: Date): Promise<number> {
  const { rowCount } = await db.execute(sql`
    with expired as (
      update sms_verifications set ended_at = expires_at, ended_by = 'expired'
      where ${which} and consumed_at is null and ended_at is null and expires_at <= ${timestamp(now)}
      returning id, user_id, phone, wrong_tries
    )
    insert into sms_verification_log (at, event, phone, user_id, challenge_id, details)
    select ${timestamp(now)}, 'expired', phone, user_id, id, jsonb_build_object('wrong_tries', wrong_tries) from expired`);
  return rowCount ?? 0;
}
