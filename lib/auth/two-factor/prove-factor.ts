import type { Db } from '@/db/client';
import { readFactors } from '@/lib/accounts/factors';
import { lockUser } from '@/lib/accounts/lock-users';
import type { User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { tellOwner } from '@/lib/mail/tell-owner';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { noticeSecurity } from '@/lib/sms/preferences/security-notice';
import { normalizeCode } from '@/lib/sms/verification/code';
import { checkSignInCode } from '@/lib/sms/verification/sign-in-code';
import { checkPasskey } from './passkeys';
import { normalizeRecoveryCode, spendRecoveryCode } from './recovery-codes';
import { checkTotp } from './totp';
import { countTry, forgetTries, noteWrongCode, type TriesLeft, type TriesRefusal } from './tries';

/** What someone gives as their second factor. `code`: of the authenticator app or of a text, which look alike. */
export type GivenFactor =
  | { kind: 'code'; code: string }
  | { kind: 'recovery_code'; code: string }
  /** The browser's answer, as JSON. */
  | { kind: 'passkey'; answer: string };

export type FactorRefusal =
  | { reason: 'not_a_code' | 'not_a_recovery_code' | 'passkey_refused' }
  | { reason: 'wrong_code'; ifWrong: TriesLeft }
  | TriesRefusal
  | { reason: 'too_many_requests'; retryAt: Date };

/**
 * Checks a second factor of an account whose password was right, or that is signed in. What is no code at all costs no try. A
 * code is counted before it is looked at, whatever kind it is of (`countTry`); when codes pause, the owner is told, since whoever
 * guesses knows the password, at the address that the account has by then: the owner may have put theirs back meanwhile. Each code
 * and each answer of a passkey is right once.
 */
export async function proveFactor(
  db: Db,
  { id: userId }: Pick<User, 'id'>,
  given: GivenFactor,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & FactorRefusal)> {
  const { now } = context;
  const coarse = await takeAddressHit(db, 'check', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  if (given.kind === 'passkey') {
    if ((await checkPasskey(db, { answer: given.answer, userId }, now)) !== null) return { ok: true };
    await recordAudit(
      db,
      { action: 'second_factor_refused', userId, actorId: null, details: { kind: 'passkey' } },
      context,
    );
    return { ok: false, reason: 'passkey_refused' };
  }
  const code = given.kind === 'code' ? normalizeCode(given.code) : normalizeRecoveryCode(given.code);
  if (code === null)
    return { ok: false, reason: given.kind === 'code' ? 'not_a_code' : 'not_a_recovery_code' };
  const counted = await countTry(db, userId, now);
  if (!counted.ok) return counted;
  if (await isRight(db, userId, { kind: given.kind, code }, now)) {
    await db.transaction(async (tx) => {
      const owner = await lockUser(tx, userId);
      await forgetTries(tx, userId);
      if (given.kind !== 'recovery_code' || owner === null) return;
      await recordAudit(tx, { action: 'recovery_code_used', userId, actorId: null }, context);
      await tellOwner(tx, { template: 'recoveryCodeUsed', before: owner }, context);
      await noticeSecurity(tx, owner, 'a recovery code was used', now);
    });
    return { ok: true };
  }
  await noteWrongCode(db, now);
  await db.transaction(async (tx) => {
    const owner = await lockUser(tx, userId);
    await recordAudit(
      tx,
      { action: 'second_factor_refused', userId, actorId: null, details: { kind: given.kind } },
      context,
    );
    if ('triesLeft' in counted.ifWrong || owner === null) return;
    await tellOwner(tx, { template: 'secondFactorPaused', before: owner }, context);
    await noticeSecurity(tx, owner, 'many wrong codes were entered', now);
  });
  return { ok: false, reason: 'wrong_code', ifWrong: counted.ifWrong };
}

async function isRight(
  db: Db,
  userId: string,
  { kind, code }: { kind: 'code' | 'recovery_code'; code: string },
  now: Date,
): Promise<boolean> {
  if (kind === 'recovery_code') return spendRecoveryCode(db, { userId, code }, now);
  if (await checkTotp(db, { userId, code }, now)) return true;
  return (await readFactors(db, userId)).sms && checkSignInCode(db, { userId, code }, now);
}
