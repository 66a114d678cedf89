import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** Proofs of protected numbers wait for an admin's decision for so long (lib/reporting/protected-numbers.ts). */
const undecidedDays = 90;

/** Removes attempts of before `before` from the log, `limit` at most, the oldest first. Out: how many. */
export async function pruneAttempts(db: Db, before: Date, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from sms_verification_log where id = any(array(
      select id from sms_verification_log
      where at < ${timestamp(before)}
        and (reason is distinct from 'number_protected' or at < ${timestamp(now)} - make_interval(days => ${undecidedDays}))
      order by at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}

/** Removes challenges of before `before` that are over, `limit` at most, the oldest first. Out: how many. */
export async function pruneChallenges(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from sms_verifications where id = any(array(
      select id from sms_verifications
      where created_at < ${timestamp(before)} and (consumed_at is not null or ended_at is not null)
      order by created_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
