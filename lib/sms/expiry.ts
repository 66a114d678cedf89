import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';

/**
 * Ends the challenges that ran out, of everybody or of one person, and logs each expiry once, whoever else does the same
 * at the same instant. The worker calls it every minute; asking for a new code does so for one's own.
 */
export async function expireChallenges(db: Db | Tx, now: Date, userId: string | null = null): Promise<void> {
  const at = sql`${now.toISOString()}::timestamptz`;
  await db.execute(sql`
    with expired as (
      update sms_verifications set ended_at = expires_at, ended_by = 'expired'
      where consumed_at is null and ended_at is null and expires_at <= ${at}
        and (${userId}::uuid is null or user_id = ${userId}::uuid)
      returning id, user_id, phone, wrong_tries
    )
    insert into sms_verification_log (at, event, phone, user_id, challenge_id, details)
    select ${at}, 'expired', phone, user_id, id, jsonb_build_object('wrong_tries', wrong_tries) from expired`);
}
