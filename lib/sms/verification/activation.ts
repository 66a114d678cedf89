import { sql } from 'drizzle-orm';
import { findUser, markPhoneMoved, setPhone } from '@/lib/accounts/users';
import { tellOwner } from '@/lib/mail/tell-owner';
import { activateAccount } from '@/lib/accounts/login-grants';
import { recordAudit } from '@/lib/audit';
import { withdrawConsent } from '@/lib/consent/ledger';
import type { Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { RequestContext } from '@/lib/context';
import { endChallenge, type Challenge } from './challenge';
import { confirmOptIn } from '@/lib/sms/outbox/confirm-opt-in';
import { addFailure, releaseNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { queueEnteredCode } from '@/lib/sms/capacity/entered-sums';
import { noteEnteredCode } from '@/lib/sms/outbox/entered-codes';
import { cancelTexts, redirectUpdates } from '@/lib/sms/outbox/text-outbox';
import { noticeRemoval } from '@/lib/sms/outbox/removal-notice';
import type { Stranger } from '@/lib/sms/numbers/subjects';

/** What one guess did to its challenge; null: the challenge was not open any more and nothing changed. */
export type Decision = { right: boolean; triesLeft: number; wantsUpdates: boolean } | null;

/**
 * Lets one statement decide about one guess: the conditional UPDATE spends a try, or consumes the challenge if the
 * guess is right; the number's row, the log and what the provider is told follow from what it did. `number` is the row as it was read after it was
 * locked. A wrong guess counts in the challenge's class, whoever holds the number by now; in the class `prove`, `stranger`
 * says whose it is. With `keepHolder` the number stays with whoever has it, even against proof.
 */
export async function decideGuess(
  tx: Tx,
  {
    challenge,
    number,
    stranger,
    right,
    keepHolder,
    maxTries,
  }: {
    challenge: Challenge;
    number: NumberRow;
    stranger: Stranger | null;
    right: boolean;
    keepHolder: boolean;
    maxTries: number;
  },
  context: RequestContext,
): Promise<Decision> {
  const at = timestamp(context.now);
  const isRight = sql`${right}::boolean`;
  const wrong = addFailure(number, challenge.sendClass, stranger, context.now);
  const counter = sql.identifier(wrong.column);
  const failures = sql.param(wrong.failures.map((failure) => failure.toISOString()));
  const takesNumber = sql`${right && !keepHolder}::boolean`;
  const { rows } = await tx.execute<{ wrong_tries: number; wants_updates: boolean | null }>(sql`
    with decided as (
      update sms_verifications
      set consumed_at = case when ${isRight} then ${at} end,
          wrong_tries = wrong_tries + case when ${isRight} then 0 else 1 end
      where id = ${challenge.id} and consumed_at is null and ended_at is null
        and expires_at > ${at} and wrong_tries < ${maxTries}
      returning id, user_id, phone, wrong_tries
    ), numbered as (
      update phone_numbers
      set holder_user_id = case when ${takesNumber} then decided.user_id else holder_user_id end,
          held_since = case when ${takesNumber} then ${at} else held_since end,
          out_of_service_on = case when ${takesNumber} then null else out_of_service_on end,
          dead_texts = case when ${takesNumber} then '{}' else dead_texts end,
          ${counter} = case when ${isRight} then ${counter} else ${failures}::timestamptz[] end,
          stranger_acts = case when ${isRight} then stranger_acts
            else ${JSON.stringify(wrong.strangerActs)}::jsonb end
      from decided where phone_numbers.number = decided.phone
    ), logged as (
      insert into sms_verification_log (at, event, reason, phone, user_id, challenge_id, address, user_agent, details)
      select ${at}, case when ${isRight} then 'verified' else 'wrong_code' end,
        case when ${isRight} and not ${takesNumber} then 'number_protected' end, phone, user_id, id,
        ${context.address}, ${context.userAgent}, jsonb_build_object('wrong_tries', wrong_tries)
      from decided
    ), entered as (${noteEnteredCode(sql`select id from decided where ${isRight}`, context.now)}
    ), to_count as (${queueEnteredCode(sql`select id from decided where ${right && challenge.sendClass === 'prove'}::boolean`)})
    select wrong_tries, (select enabled from sms_preferences where user_id = decided.user_id) as wants_updates
    from decided`);
  const row = rows[0];
  return row
    ? { right, triesLeft: maxTries - row.wrong_tries, wantsUpdates: row.wants_updates ?? false }
    : null;
}

/**
 * What follows from a right code, in the transaction that consumed it: a pending account opens and gets its login
 * grant; someone signed in has this number from now on and lets go of their earlier one; an earlier holder loses it. Who wants
 * updates gets the text that confirms it.
 */
export async function applyProof(
  tx: Tx,
  {
    challenge,
    number,
    earlierPhone,
    wantsUpdates,
  }: { challenge: Challenge; number: NumberRow; earlierPhone: string | null; wantsUpdates: boolean },
  context: RequestContext,
): Promise<{ grant: string | null }> {
  const { userId, phone } = challenge;
  if (number.holderUserId !== null && number.holderUserId !== userId) {
    const earlier = { userId: number.holderUserId, phone, action: 'number_moved', actorId: null } as const;
    await displaceHolder(tx, earlier, context);
  }
  if (wantsUpdates) {
    const proven = { ...number, holderUserId: userId, outOfServiceOn: null, deadTexts: [] };
    await confirmOptIn(tx, { userId, number: proven, now: context.now });
  }
  if (challenge.purpose === 'activate') {
    return { grant: (await activateAccount(tx, { userId, now: context.now }))?.grant ?? null };
  }
  const isChange = earlierPhone !== null && earlierPhone !== phone;
  const before = isChange ? await findUser(tx, userId) : null;
  if (before !== null) await tellOwner(tx, { template: 'phoneChanged', before }, context);
  await setPhone(tx, userId, phone);
  if (isChange) {
    await leaveNumber(tx, { userId, from: earlierPhone, to: phone }, context);
  }
  return { grant: null };
}

/** The number that a proven one takes the place of: let go of, told, and what waited for it goes to the new one. */
async function leaveNumber(
  tx: Tx,
  { userId, from, to }: { userId: string; from: string; to: string },
  context: RequestContext,
): Promise<void> {
  const { now } = context;
  await releaseNumber(tx, from, userId);
  await redirectUpdates(tx, { userId, from, to });
  await cancelTexts(tx, { userId, phone: from, isWarning: false }, 'number_changed', now);
  await withdrawConsent(
    tx,
    { userId, phone: from, scopes: ['verification', 'updates'], medium: 'number_removed' },
    now,
  );
  await noticeRemoval(tx, { userId, phone: from, replaced: true, now });
  await recordAudit(tx, { action: 'phone_changed', userId }, context);
}

/**
 * Proof of possession by someone else ends the earlier holder's verification, consent, waiting texts and challenges. The
 * number's row is locked, and the caller gives it to its next holder, or to nobody.
 */
export async function displaceHolder(
  tx: Tx,
  {
    userId,
    phone,
    action,
    actorId,
  }: {
    userId: string;
    phone: string;
    action: 'number_moved' | 'number_released';
    actorId: string | null;
  },
  context: RequestContext,
): Promise<void> {
  const before = await findUser(tx, userId);
  if (before !== null) await tellOwner(tx, { template: 'phoneChanged', before }, context);
  await markPhoneMoved(tx, userId, phone, context.now);
  await withdrawConsent(
    tx,
    { userId, phone, scopes: ['verification', 'updates'], medium: 'number_moved' },
    context.now,
  );
  await cancelTexts(tx, { userId, phone }, 'number_moved', context.now);
  await endChallenge(tx, userId, 'number_moved', context.now);
  await recordAudit(tx, { action, userId, actorId }, context);
}
