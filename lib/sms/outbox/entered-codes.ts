import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { oneMore } from '@/db/one-more';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';

/**
 * Writes down that a code was entered right, so that the provider is told: an INSERT for a statement that decides about the code, so
 * that checking it takes no statement more. In: a query that has the `id` of what the code was for, and no row where it was wrong.
 * Without a provider to tell, nothing is written.
 */
export function noteEnteredCode(entered: SQL, now: Date): SQL {
  return sql`
    insert into sms_entered_codes (challenge_id, entered_at, due_at)
    select id, ${timestamp(now)}, ${timestamp(now)} from (${entered}) entered
    where ${env().smsBackend === 'twilio'}::boolean
    on conflict (challenge_id) do nothing`;
}

/** An entered code that is to be told; `sid` null: no text that carried it is known to the provider, or not yet. */
export type EnteredCode = { challengeId: string; sid: string | null; tries: number };

/** Codes are told again after so long, and after twice as long each further time. */
const firstPauseSeconds = 10;

/**
 * Takes codes that are due, `limit` at most, the longest due first, and puts each off to its next try: so that whoever dies while
 * telling costs a pause, and two processes tell different ones. Of several texts with one code the last counts that was not reported
 * as failed; `tries` counts this one.
 */
export async function takeEnteredCodes(db: Db, now: Date, limit: number): Promise<EnteredCode[]> {
  const at = timestamp(now);
  const { rows } = await db.execute<{ challenge_id: string; sid: string | null; tries: number }>(sql`
    with due as materialized (
      select challenge_id from sms_entered_codes where due_at <= ${at} order by due_at limit ${limit} for update skip locked
    )
    update sms_entered_codes e
    set tries = ${oneMore(sql`greatest(e.tries, 0)`)},
      due_at = ${at} + make_interval(secs => ${firstPauseSeconds}::int * power(2, least(greatest(e.tries, 0), 12)))
    from due where e.challenge_id = due.challenge_id
    returning e.challenge_id, e.tries, (
      select m.provider_sid from sms_messages m
      where m.challenge_id = e.challenge_id and m.direction = 'out' and m.provider_sid is not null
        and m.created_at <= e.entered_at
      order by m.status = 'failed', m.created_at desc limit 1) as sid`);
  return rows.map((row) => ({ challengeId: row.challenge_id, sid: row.sid, tries: row.tries }));
}

/** Forgets codes of which nothing more is told. */
export async function forgetEnteredCodes(db: Db, challengeIds: readonly string[]): Promise<void> {
  if (challengeIds.length === 0) return;
  await db.execute(sql`
    delete from sms_entered_codes where challenge_id = any(${sql.param([...challengeIds])}::uuid[])`);
}

/** Longer than anyone tells of a code, also behind an outage. */
const keptSeconds = 24 * 3600;

/**
 * Removes codes that have been due for a day, `limit` at most: nobody tells of them any more, as where the provider was changed to the
 * console. Out: how many.
 */
export async function pruneEnteredCodes(db: Db, now: Date, limit: number): Promise<number> {
  const before = new Date(now.getTime() - keptSeconds * 1000);
  const { rowCount } = await db.execute(sql`
    delete from sms_entered_codes where challenge_id = any(array(
      select challenge_id from sms_entered_codes where due_at < ${timestamp(before)}
      order by due_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
