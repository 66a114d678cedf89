import type { Db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { lockUser } from '@/lib/accounts/lock-users';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { markPasskeyOffered } from '@/lib/accounts/users';
import type { RequestContext } from '@/lib/context';
import { normalizeCode } from '@/lib/sms/verification/code';
import { changeFactors, refuseFactors, type FactorChangeRefusal, type FactorsGuard } from './change-factors';
import { addPasskey, listPasskeys, mostPasskeys, removePasskey } from './passkeys';
import { confirmRecoveryCodes, normalizeRecoveryCode, startRecoveryCodes } from './recovery-codes';
import { confirmTotp, removeTotp, startTotp } from './totp';

export type EnrollmentRefusal<Why extends string = never> =
  FactorChangeRefusal | { reason: 'refused'; why: Why };

type Answer<Why extends string = never> = Promise<{ ok: true } | ({ ok: false } & EnrollmentRefusal<Why>)>;

/** Gives a person a key for an authenticator app, which waits for its first code. */
export async function beginTotp(
  db: Db,
  user: SessionUser,
  { now }: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (Busy | { reason: FactorsGuard }))> {
  const guard = refuseFactors(user, now);
  if (guard !== null) return { ok: false, reason: guard };
  return unlessHeld(() =>
    db.transaction(async (tx) => {
      await lockUser(tx, user.userId);
      await startTotp(tx, user, now);
      return { ok: true as const };
    }),
  );
}

/** Makes the app a second factor by its first code; an earlier app counts no more. */
export async function finishTotp(
  db: Db,
  user: SessionUser,
  given: string,
  context: RequestContext,
): Answer<'not_a_code' | 'wrong_code'> {
  const code = normalizeCode(given);
  if (code === null) return { ok: false, reason: 'refused', why: 'not_a_code' };
  return changeFactors(
    db,
    user,
    {
      kind: 'added',
      make: async (tx) =>
        (await confirmTotp(tx, { ...idsOf(user), code }, context.now)) ? null : 'wrong_code',
      audit: 'totp_added',
      event: 'an authenticator app was set up',
    },
    context,
  );
}

/** Takes the authenticator app away. */
export async function dropTotp(db: Db, user: SessionUser, context: RequestContext): Answer<'gone'> {
  return changeFactors(
    db,
    user,
    {
      kind: { removed: 'totp' },
      make: async (tx) => ((await removeTotp(tx, user.userId)) ? null : 'gone'),
      audit: 'totp_removed',
      event: 'your authenticator app was removed',
    },
    context,
  );
}

/** Adds a passkey that the browser has made. In: its answer, as JSON, and a name. It is not offered any more then. */
export async function enrollPasskey(
  db: Db,
  user: SessionUser,
  { answer, name }: { answer: string; name: string },
  context: RequestContext,
): Answer<'passkey_refused' | 'too_many'> {
  const { userId } = user;
  return changeFactors(
    db,
    user,
    {
      kind: 'added',
      make: async (tx) => {
        if ((await listPasskeys(tx, userId)).length >= mostPasskeys) return 'too_many';
        if (!(await addPasskey(tx, { userId, answer, name }, context.now))) return 'passkey_refused';
        await markPasskeyOffered(tx, userId, context.now);
        return null;
      },
      audit: 'passkey_added',
      event: 'a passkey was added',
    },
    context,
  );
}

/** Takes a passkey away. */
export async function dropPasskey(
  db: Db,
  user: SessionUser,
  passkeyId: string,
  context: RequestContext,
): Answer<'gone'> {
  const { userId } = user;
  return changeFactors(
    db,
    user,
    {
      kind: { removed: 'passkey' },
      make: async (tx) => ((await removePasskey(tx, { userId, passkeyId })) ? null : 'gone'),
      audit: 'passkey_removed',
      event: 'a passkey was removed',
    },
    context,
  );
}

/**
 * Makes ten new recovery codes, which wait until one is typed back. `no_factor`: there is nothing yet that they could take the
 * place of.
 */
export async function beginRecoveryCodes(
  db: Db,
  user: SessionUser,
  { now }: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (Busy | { reason: FactorsGuard | 'no_factor' }))> {
  const { userId, factors } = user;
  const guard = refuseFactors(user, now);
  if (guard !== null) return { ok: false, reason: guard };
  if (!factors.passkey && !factors.totp && !factors.sms) return { ok: false, reason: 'no_factor' };
  return unlessHeld(() =>
    db.transaction(async (tx) => {
      await lockUser(tx, userId);
      await startRecoveryCodes(tx, user, now);
      return { ok: true as const };
    }),
  );
}

/** Makes the new recovery codes count, by one of them typed back; earlier ones count no more. */
export async function finishRecoveryCodes(
  db: Db,
  user: SessionUser,
  given: string,
  context: RequestContext,
): Answer<'not_a_recovery_code' | 'wrong_code'> {
  const code = normalizeRecoveryCode(given);
  if (code === null) return { ok: false, reason: 'refused', why: 'not_a_recovery_code' };
  return changeFactors(
    db,
    user,
    {
      kind: 'codes',
      make: async (tx) =>
        (await confirmRecoveryCodes(tx, { ...idsOf(user), code }, context.now)) ? null : 'wrong_code',
      audit: 'recovery_codes_made',
      event: 'new recovery codes were made',
    },
    context,
  );
}

function idsOf({ userId, sessionId }: SessionUser) {
  return { userId, sessionId };
}
