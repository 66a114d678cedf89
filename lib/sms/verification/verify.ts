import type { ConsentScope } from '@/db/schema/consent';
import type { Role } from '@/db/schema/accounts';
import type { VerificationPurpose } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { mustHoldSecondFactor, setPhone } from '@/lib/accounts/users';
import { activateAccount } from '@/lib/accounts/login-grants';
import { lockUser } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import { networkOf } from '@/lib/client-address';
import { takeCoarseHit } from '@/lib/rate-limits/by-address';
import { grantConsent, hasConsent, readStandingConsent, withdrawConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { limits } from '@/lib/rate-limits/limits';
import { applyProof, decideGuess } from './activation';
import { spendMark } from '@/lib/sms/capacity/budget';
import { codesOf, endChallenge, isOpen, readLastChallenge, type Challenge } from './challenge';
import { codeMatches, normalizeCode } from './code';
import { requestCode, type SendRefusal } from './request';
import { lockNumber, lockNumbers, readFailures } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/outbox';
import { applyProtectedProof } from './protected-number';
import { isUsedUpByOthers, nameStranger } from '@/lib/sms/numbers/subjects';
import { logVerification } from './log';
import { readVerificationState } from './state';

/** Whose number is being proven: somebody pending (`activate`) or somebody signed in (`prove`). */
export type Prover = {
  userId: string;
  role: Role;
  phone: string | null;
  purpose: VerificationPurpose;
  /** The proven number that `phone` is to take the place of; it works until then. */
  changesFrom?: string | null;
};

export type CheckRefusal =
  | { reason: 'not_a_code' }
  | { reason: 'wrong_code'; triesLeft: number }
  | { reason: 'no_challenge' | 'expired' | 'tries_spent' }
  /** `byOthers`: others than this account entered wrong codes, too. */
  | { reason: 'number_locked'; retryAt: Date; byOthers?: boolean }
  | { reason: 'too_many_requests'; retryAt: Date };

/**
 * Checks a code. Right: the challenge is consumed, the number is this person's, and a pending account is open, with a
 * login grant for this browser (null when somebody is signed in already). Wrong: one try is spent. A right code for a number
 * that is another account's second factor leaves it there (`proven` false): the account opens without a phone.
 *
 * Whatever runs beside it, one conditional UPDATE decides, so that a code is right at most once and each of its five
 * tries is spent at most once (NIST SP 800-63B-4 §3.2.2, OWASP ASVS 5.0 6.5.1). Fifteen wrong codes in a day close the
 * number for the challenge's class, over all challenges and accounts.
 */
export async function checkCode(
  db: Db,
  prover: Prover,
  given: string,
  context: RequestContext,
): Promise<{ ok: true; grant: string | null; proven: boolean } | ({ ok: false } & CheckRefusal)> {
  const { now } = context;
  const code = normalizeCode(given);
  if (code === null) return { ok: false, reason: 'not_a_code' };
  const coarse = await takeCoarseHit(db, 'check', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };

  const challenge = await readLastChallenge(db, prover.userId);
  if (!challenge || challenge.purpose !== prover.purpose || !isOpen(challenge, now)) {
    return refuseCheck(db, prover, challenge, context);
  }
  const right = codeMatches(code, codesOf(challenge));

  return db.transaction(async (tx) => {
    const earlierPhone = prover.changesFrom ?? prover.phone;
    const numbers = await lockNumbers(tx, right ? [challenge.phone, earlierPhone] : [challenge.phone]);
    const number = numbers.get(challenge.phone)!;
    const { sendClass } = challenge;
    const stranger =
      sendClass === 'prove' ? nameStranger(challenge.phone, prover.userId, networkOf(context.address)) : null;
    const failures = readFailures(number, sendClass, now);
    if (failures.retryAt !== null) {
      await logRefusal(tx, prover, challenge, 'number_locked', context);
      const byOthers = stranger !== null && isUsedUpByOthers(number, { act: 'failure', ...stranger }, now);
      const refusal = { reason: 'number_locked', retryAt: failures.retryAt } as const;
      return { ok: false as const, ...refusal, ...(byOthers && { byOthers }) };
    }
    const holder = number.holderUserId;
    const keepHolder =
      holder !== null && holder !== prover.userId && (await mustHoldSecondFactor(tx, holder));
    const maxTries = limits.wrongTriesPerChallenge;
    const decision = await decideGuess(
      tx,
      { challenge, number, stranger, right, keepHolder, maxTries },
      context,
    );
    if (decision === null)
      return refuseCheck(tx, prover, await readLastChallenge(tx, prover.userId), context);
    if (!decision.right) {
      const triesLeft = Math.min(decision.triesLeft, failures.remaining - 1);
      return { ok: false as const, reason: 'wrong_code' as const, triesLeft };
    }
    if (keepHolder) {
      const { grant } = await applyProtectedProof(tx, { challenge, holderUserId: holder }, context);
      return { ok: true as const, grant, proven: false };
    }
    const { grant } = await applyProof(
      tx,
      { challenge, number, earlierPhone, wantsUpdates: decision.wantsUpdates },
      context,
    );
    return { ok: true as const, grant, proven: true };
  });
}

export type SendCodeRefusal =
  | SendRefusal
  | { reason: 'too_many_requests'; retryAt: Date }
  | { reason: 'consent_missing' | 'changed_meanwhile'; retryAt: null };

/**
 * Sends the code again, or a first one to somebody signed in who wants to prove their number. Refuses with the moment the
 * next is allowed, or with `consent_missing` where no consent to codes at this number stands (never given, or withdrawn
 * by a STOP long ago).
 */
export async function sendCode(
  db: Db,
  prover: Prover & { phone: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & SendCodeRefusal)> {
  const coarse = await takeCoarseHit(db, 'send', context.address, context.now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  return db.transaction(async (tx) => {
    const number = await lockNumber(tx, prover.phone);
    if (!(await isStill(tx, prover))) {
      return { ok: false as const, reason: 'changed_meanwhile' as const, retryAt: null };
    }
    if (number.suppressedAt === null && !(await agreedToCodes(tx, prover))) {
      return { ok: false as const, reason: 'consent_missing' as const, retryAt: null };
    }
    const request = await requestCode(
      tx,
      { userId: prover.userId, purpose: prover.purpose, number },
      context,
    );
    return request.ok ? { ok: true as const } : request;
  });
}

/** Whether the person is still as the journey found them: nobody proved, skipped or changed the number meanwhile. */
async function isStill(tx: Tx, prover: Prover): Promise<boolean> {
  const user = await lockUser(tx, prover.userId);
  if (user === null || user.deactivatedAt !== null) return false;
  const pending = user.activatedAt === null;
  return user.phone === (prover.changesFrom ?? prover.phone) && pending === (prover.purpose === 'activate');
}

/**
 * Takes another number in place of the one given, or a first one: consent moves to it by the box ticked anew, the old
 * challenge and its waiting texts end, and a code goes out to the new number. Not for a number already proven: changing
 * that one takes the password.
 *
 * Out: `refusal` null when a code is on its way, or why not; the number is changed either way.
 */
export async function replaceNumber(
  db: Db,
  prover: Prover,
  phone: string,
  context: RequestContext,
): Promise<
  | { ok: true; refusal: SendRefusal | null }
  | { ok: false; reason: 'number_proven' | 'changed_meanwhile' }
  | { ok: false; reason: 'too_many_requests'; retryAt: Date }
> {
  const { now } = context;
  const { userId, purpose } = prover;
  if (prover.changesFrom) return { ok: false, reason: 'number_proven' };
  const coarse = await takeCoarseHit(db, 'send', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  return db.transaction(async (tx) => {
    const numbers = await lockNumbers(tx, [prover.phone, phone]);
    if (!(await isStill(tx, prover))) return { ok: false as const, reason: 'changed_meanwhile' as const };
    if (prover.phone !== null && numbers.get(prover.phone)!.holderUserId === userId) {
      return { ok: false as const, reason: 'number_proven' as const };
    }
    const scopes = new Set<ConsentScope>(['verification']);
    if (prover.phone !== null && prover.phone !== phone) {
      const earlier = { userId, phone: prover.phone };
      if ((await readStandingConsent(tx, earlier)).has('updates')) scopes.add('updates');
      await withdrawConsent(
        tx,
        { ...earlier, scopes: ['verification', 'updates'], medium: 'code_page' },
        now,
      );
      await endChallenge(tx, userId, 'number_changed', now);
      await cancelTexts(tx, { userId, phone: prover.phone }, 'number_changed', now);
    }
    if (prover.phone !== phone) await setPhone(tx, userId, phone);
    await grantConsent(tx, { userId, phone, scopes: [...scopes], medium: 'code_page' }, context);
    const request = await requestCode(tx, { userId, purpose, number: numbers.get(phone)! }, context);
    return { ok: true as const, refusal: request.ok ? null : request };
  });
}

/**
 * Opens a pending account with its phone unverified, when the code page offers it. Never for an account that must hold a
 * second factor. The challenge and its waiting texts end.
 */
export async function skipVerification(
  db: Db,
  prover: Prover & { phone: string },
  context: RequestContext,
): Promise<
  | { ok: true; grant: string }
  | { ok: false; reason: 'not_yet'; retryAt: Date }
  | { ok: false; reason: 'not_allowed' | 'changed_meanwhile' }
> {
  const { now } = context;
  const { userId, phone } = prover;
  if (prover.role !== 'applicant') return { ok: false, reason: 'not_allowed' };
  return db.transaction(async (tx) => {
    await lockNumber(tx, phone);
    if (!(await isStill(tx, prover))) return { ok: false as const, reason: 'changed_meanwhile' as const };
    const state = await readVerificationState(
      tx,
      { userId, phone, network: networkOf(context.address) },
      now,
    );
    if (state.skipAt > now) {
      return { ok: false as const, reason: 'not_yet' as const, retryAt: state.skipAt };
    }
    const activated = await activateAccount(tx, { userId, applicantsOnly: true, now });
    if (!activated) return { ok: false as const, reason: 'not_allowed' as const };
    await endChallenge(tx, userId, 'skipped', now);
    await cancelTexts(tx, { userId, phone }, 'skipped', now);
    await logVerification(
      tx,
      'skipped',
      { userId, phone, challengeId: state.challenge?.id, reason: state.text.reason ?? state.text.status },
      context,
    );
    await recordAudit(tx, { action: 'account_activated', userId, details: { verified: false } }, context);
    return { ok: true as const, grant: activated.grant };
  });
}

/** Whether this person's consent to codes at this number stands. */
export async function agreedToCodes(
  db: Executor,
  { userId, phone }: { userId: string; phone: string },
): Promise<boolean> {
  return hasConsent(db, { userId, phone, scope: 'verification' });
}

type Executor = Parameters<typeof logVerification>[0];

/** Says and logs why a challenge that is not open hears no code. */
async function refuseCheck(
  tx: Executor,
  prover: Prover,
  challenge: Challenge | null,
  context: RequestContext,
): Promise<{ ok: false } & CheckRefusal> {
  const reason = explainClosed(challenge, prover.purpose, context.now);
  await logRefusal(tx, prover, challenge, reason, context);
  return { ok: false, reason };
}

function explainClosed(
  challenge: Challenge | null,
  purpose: VerificationPurpose,
  now: Date,
): 'no_challenge' | 'expired' | 'tries_spent' {
  if (!challenge || challenge.purpose !== purpose || challenge.consumedAt) return 'no_challenge';
  if (challenge.wrongTries >= limits.wrongTriesPerChallenge) return 'tries_spent';
  return challenge.expiresAt <= now || challenge.endedBy === 'expired' ? 'expired' : 'no_challenge';
}

async function logRefusal(
  tx: Executor,
  prover: Prover,
  challenge: Challenge | null,
  reason: string,
  context: RequestContext,
): Promise<void> {
  const about = {
    userId: prover.userId,
    phone: challenge?.phone ?? prover.phone,
    challengeId: challenge?.id,
    reason,
    network: spendMark(env().authSecrets[0], 'network', networkOf(context.address)),
  };
  await logVerification(tx, 'check_refused', about, context);
}
