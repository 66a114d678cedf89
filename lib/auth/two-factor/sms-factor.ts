import type { Db } from '@/db/client';
import { readFactors } from '@/lib/accounts/factors';
import { readPending } from '@/lib/accounts/pending';
import type { SessionUser } from '@/lib/accounts/sessions';
import { findUser, setSmsFactor } from '@/lib/accounts/users';
import type { RequestContext } from '@/lib/context';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import type { Phone } from '@/lib/phone/parse';
import {
  startPhoneChange,
  type ChangeRefusal as PhoneChangeRefusal,
} from '@/lib/sms/verification/change-phone';
import { normalizeCode } from '@/lib/sms/verification/code';
import { checkSignInCode, sendSignInCode, type SignInCodeRefusal } from '@/lib/sms/verification/sign-in-code';
import {
  changeFactors,
  refuseFactors,
  refuseFrozen,
  type FactorChangeRefusal,
  type FactorsGuard,
} from './change-factors';
import { countTry, forgetTries, type TriesLeft, type TriesRefusal } from './tries';

export type TextRefusal = SignInCodeRefusal | { reason: 'too_many_requests'; retryAt: Date };

/**
 * Texts the code of the second step of signing in. `over`: the first step was too long ago, or this browser did not do it. `agreedOn`:
 * the page on which the box was ticked, for codes that a STOP has ended (`sendSignInCode`); null: it was not.
 */
export async function textSecondStep(
  db: Db,
  token: string | null,
  context: RequestContext,
  agreedOn: string | null = null,
): Promise<{ ok: true } | ({ ok: false } & (TextRefusal | { reason: 'over' }))> {
  const user = token === null ? null : await readPending(db, token, context.now, 'second_factor');
  if (user === null) return { ok: false, reason: 'over' };
  return text(
    db,
    { userId: user.id, phone: user.phone, isHeld: (await readFactors(db, user.id)).sms, agreedOn },
    context,
  );
}

/** Texts the code by which someone signed in confirms that it is them. */
export async function textConfirmation(
  db: Db,
  { userId, phone, factors }: SessionUser,
  context: RequestContext,
  agreedOn: string | null = null,
): Promise<{ ok: true } | ({ ok: false } & TextRefusal)> {
  return text(db, { userId, phone, isHeld: factors.sms, agreedOn }, context);
}

/**
 * Takes a number that is to get codes for signing in, in the place of the one that is there, and sends the code that verifies it
 * (`startPhoneChange`). For whoever may change factors, since the number becomes one.
 */
export async function addFactorPhone(
  db: Db,
  user: SessionUser,
  phone: Phone,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & ({ reason: FactorsGuard } | PhoneChangeRefusal))> {
  const guard = refuseFactors(user, context.now);
  return guard === null ? startPhoneChange(db, user, phone, context) : { ok: false, reason: guard };
}

/**
 * Texts the code by which codes to the person's verified number become a second factor. Admins need one that nobody can take over
 * with the number (NIST SP 800-63B-4 3.1.3: codes by text are restricted), so they get none: `not_for_admins`.
 */
export async function beginSmsFactor(
  db: Db,
  user: SessionUser,
  context: RequestContext,
  agreedOn: string | null = null,
): Promise<{ ok: true } | ({ ok: false } & (TextRefusal | { reason: FactorsGuard | 'not_for_admins' }))> {
  const guard = refuseFactors(user, context.now);
  if (guard !== null) return { ok: false, reason: guard };
  if (user.role === 'admin') return { ok: false, reason: 'not_for_admins' };
  return text(db, { userId: user.userId, phone: user.phone, isHeld: true, agreedOn }, context);
}

/** Makes codes by text a second factor, by the first of them. It is counted before it is looked at, as when signing in. */
export async function finishSmsFactor(
  db: Db,
  user: SessionUser,
  given: string,
  context: RequestContext,
): Promise<
  | { ok: true }
  | ({ ok: false } & (
      | FactorChangeRefusal
      | TriesRefusal
      | { reason: 'not_a_code' }
      | { reason: 'not_for_admins' }
      | { reason: 'wrong_code'; ifWrong: TriesLeft }
    ))
> {
  const { userId, role } = user;
  const { now } = context;
  const code = normalizeCode(given);
  if (code === null) return { ok: false, reason: 'not_a_code' };
  const guard = refuseFactors(user, now);
  if (guard !== null) return { ok: false, reason: guard };
  if (role === 'admin') return { ok: false, reason: 'not_for_admins' };
  const account = await findUser(db, userId);
  const retryAt = account === null ? null : refuseFrozen(account, user, now);
  if (retryAt !== null) return { ok: false, reason: 'recovered_lately', retryAt };
  const counted = await countTry(db, userId, now);
  if (!counted.ok) return counted;
  const changed = await changeFactors(
    db,
    user,
    {
      kind: 'added',
      phone: user.phone,
      make: async (tx) => {
        if (!(await checkSignInCode(tx, { userId, code }, now))) return 'wrong_code' as const;
        await setSmsFactor(tx, userId, now);
        await forgetTries(tx, userId);
        return null;
      },
      audit: 'sms_factor_added',
      event: 'codes by text were turned on',
    },
    context,
  );
  if (changed.ok || changed.reason !== 'refused') return changed;
  return { ok: false, reason: 'wrong_code', ifWrong: counted.ifWrong };
}

/** Codes by text are no second factor any more. `refused`: they were none, and nothing is changed or told. */
export async function dropSmsFactor(
  db: Db,
  user: SessionUser,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (FactorChangeRefusal | { reason: 'refused' }))> {
  return changeFactors(
    db,
    user,
    {
      kind: { removed: 'sms' },
      make: async (tx, { smsFactorSince }) => {
        if (smsFactorSince === null) return 'gone';
        await setSmsFactor(tx, user.userId, null);
        return null;
      },
      audit: 'sms_factor_removed',
      event: 'codes by text were turned off',
    },
    context,
  );
}

async function text(
  db: Db,
  {
    userId,
    phone,
    isHeld,
    agreedOn,
  }: { userId: string; phone: string | null; isHeld: boolean; agreedOn: string | null },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & TextRefusal)> {
  if (phone === null || !isHeld) return { ok: false, reason: 'not_held', retryAt: null };
  const coarse = await takeAddressHit(db, 'send', context.address, context.now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  return sendSignInCode(db, { userId, phone, agreedOn }, context);
}
