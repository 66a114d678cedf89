import { and, eq, isNull, sql, type SQL } from 'drizzle-orm';
import { phoneNumbers, recoveries, type SendClass } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { emailKey } from '@/lib/accounts/email';
import type { RequestContext } from '@/lib/context';
import { hashToken, newId, newNonce, newToken } from '@/lib/random';
import { limits } from '@/lib/rate-limits/limits';
import { provenAgain } from '@/lib/sms/numbers/doubt';
import { addFailure } from '@/lib/sms/numbers/number';
import { queueEnteredCode } from '@/lib/sms/capacity/entered-sums';
import { noteEnteredCode } from '@/lib/sms/outbox/entered-codes';
import { believedAheadMs } from '@/lib/stored-moment';
import { isOpen } from './challenge';

export type Recovery = typeof recoveries.$inferSelect;

/**
 * The class in which a number counts the codes of a recovery, and the wrong ones. Who asks in a browser that the account knows is
 * its owner, as far as anyone can tell, and spends what strangers cannot.
 */
export function sendClassOf({
  inKnownBrowser,
}: Pick<Recovery, 'inKnownBrowser'>): Extract<SendClass, 'recover' | 'prove_again'> {
  return inKnownBrowser ? 'prove_again' : 'recover';
}

/** The PostgreSQL channel that wakes those who send codes of recoveries. */
export const recoveryChannel = 'doorstep_recovery';

/**
 * Writes down that a browser asks for a code to choose a new password, for whatever email is given: one statement, the same
 * for every email. Whether a code goes out is decided later, elsewhere (`sendRecoveryCodes`), so that neither the answer nor
 * the time tells. A browser that asks again for the same email keeps its code while at least three minutes and one try of it
 * remain. In: `token`, what its cookie holds; `inKnownBrowser`: the account of the email knows the browser. Out: the token for its
 * cookie.
 */
export async function askForRecovery(
  db: Db,
  { email, token, inKnownBrowser }: { email: string; token: string | null; inKnownBrowser: boolean },
  { now, address, userAgent }: RequestContext,
): Promise<{ token: string }> {
  const fresh = newToken();
  const at = timestamp(now);
  const longEnough = timestamp(new Date(now.getTime() + limits.sameCodeMinimumSeconds * 1000));
  const expiresAt = timestamp(new Date(now.getTime() + limits.codeTtlSeconds * 1000));
  const believed = timestamp(new Date(now.getTime() + limits.codeTtlSeconds * 1000 + believedAheadMs));
  const { rows } = await db.execute<{ is_kept: boolean }>(sql`
    with kept as (
      update recoveries set asked_at = ${at}, address = ${address}, user_agent = ${userAgent}, in_known_browser = ${inKnownBrowser}
      where token_hash = ${hashToken(token ?? fresh)} and email_key = ${emailKey(email)}
        and consumed_at is null and ended_at is null and expires_at between ${longEnough} and ${believed}
        and wrong_tries < ${limits.wrongTriesPerChallenge}
      returning id
    ), added as (
      insert into recoveries (id, token_hash, email, email_key, nonce, address, user_agent, created_at, expires_at, asked_at,
        in_known_browser)
      select ${newId()}::uuid, ${hashToken(fresh)}::bytea, ${email}, ${emailKey(email)}, ${newNonce()}::bytea, ${address},
        ${userAgent}, ${at}, ${expiresAt}, ${at}, ${inKnownBrowser}
      where not exists (select from kept)
    )
    select exists (select from kept) as is_kept, pg_notify(${recoveryChannel}, '')`);
  return { token: token !== null && rows[0]!.is_kept ? token : fresh };
}

/** The recovery of a browser's token that still hears a code, wherever that went; null: there is none. */
export async function readRecovery(db: Db | Tx, token: string, now: Date): Promise<Recovery | null> {
  const [recovery] = await db
    .select()
    .from(recoveries)
    .where(eq(recoveries.tokenHash, hashToken(token)));
  return recovery !== undefined && isOpen(recovery, now) ? recovery : null;
}

/** Uses a recovery up. False: it is over, also by someone else at this very moment. The number's row is locked. */
export async function consumeRecovery(tx: Tx, id: string, now: Date): Promise<boolean> {
  const at = timestamp(now);
  const { rows } = await tx.execute(sql`
    with consumed as (
      update recoveries set consumed_at = ${at}
      where id = ${id} and consumed_at is null and ended_at is null and expires_at > ${at}
        and wrong_tries < ${limits.wrongTriesPerChallenge}
      returning id, phone, in_known_browser
    ), proven as (
      update phone_numbers set ${provenAgain(now)} from consumed where phone_numbers.number = consumed.phone
    ), entered as (${noteEnteredCode(sql`select id from consumed`, now)}
    ), to_count as (${queueEnteredCode(sql`select id from consumed where not in_known_browser`)})
    select from consumed`);
  return rows.length > 0;
}

/**
 * Spends one try of a recovery, wherever its code went: the same statements whether that is a number or nowhere. A number
 * counts it in the class of the recovery (`sendClassOf`), which outlives the code. Out: how many tries are left; null: it was over already.
 */
export async function spendRecoveryTry(
  db: Db,
  recovery: Recovery,
  { now, address, userAgent }: RequestContext,
): Promise<{ triesLeft: number } | null> {
  const at = timestamp(now);
  const most = limits.wrongTriesPerChallenge;
  return db.transaction(async (tx) => {
    const [number] = await tx
      .select()
      .from(phoneNumbers)
      .where(eq(phoneNumbers.number, recovery.phone ?? ''))
      .for('update');
    const wrong = number === undefined ? null : addFailure(number, sendClassOf(recovery), null, now);
    const column = sql.identifier(wrong?.column ?? phoneNumbers.recoverFailures.name);
    const { rows } = await tx.execute<{ wrong_tries: number }>(sql`
      with decided as (
        update recoveries set wrong_tries = wrong_tries + 1
        where id = ${recovery.id} and consumed_at is null and ended_at is null and expires_at > ${at}
          and wrong_tries < ${most}
        returning id, user_id, phone, wrong_tries
      ), numbered as (
        update phone_numbers
        set ${column} = ${sql.param((wrong?.failures ?? []).map((failure) => failure.toISOString()))}::timestamptz[]
        from decided where phone_numbers.number = decided.phone
      ), logged as (
        insert into sms_verification_log (at, event, reason, phone, user_id, challenge_id, address, user_agent, details)
        select ${at}, 'wrong_code', 'recovery', phone, user_id, id, ${address}, ${userAgent},
          jsonb_build_object('wrong_tries', wrong_tries)
        from decided where user_id is not null
      )
      select wrong_tries from decided`);
    return rows[0] ? { triesLeft: most - rows[0].wrong_tries } : null;
  });
}

/** Ends the open recoveries of an account: its password was set by other means. */
export async function endRecoveries(tx: Tx | Db, userId: string, now: Date): Promise<void> {
  await tx
    .update(recoveries)
    .set({ endedAt: now })
    .where(and(eq(recoveries.userId, userId), isNull(recoveries.consumedAt), isNull(recoveries.endedAt)));
}

/** No recovery lasts for this long: one that ends further ahead was written by a clock that was wrong. */
const farAheadHours = 25;

/**
 * Removes recoveries that are past their time, or that a wrong clock wrote so far ahead that their time would not come, by ours and
 * by the database's; `limit` at most, but for those in use right now. Out: how many.
 */
export async function pruneRecoveries(db: Db, now: Date, limit: number): Promise<number> {
  const over = sql`expires_at < ${timestamp(now)}`;
  const tooFarAhead = sql`expires_at > (select greatest(${timestamp(now)}, clock_timestamp()) + make_interval(hours => ${farAheadHours}))`;
  const some = (which: SQL) => sql`array(
    select id from recoveries where ${which} order by expires_at limit ${limit}::int for update skip locked)`;
  const { rowCount } = await db.execute(sql`
    delete from recoveries where id = any((${some(over)} || ${some(tooFarAhead)})[1:${limit}::int])`);
  return rowCount ?? 0;
}
