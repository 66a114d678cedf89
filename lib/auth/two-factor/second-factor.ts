import type { Db } from '@/db/client';
import { endPendingToken, readPending } from '@/lib/accounts/pending';
import { lockUser } from '@/lib/accounts/lock-users';
import { mayTrustDevices, trustDevice } from '@/lib/accounts/trusted-devices';
import { findUser } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { completeSignIn, type SignedIn } from '@/lib/auth/sign-in/complete-sign-in';
import { checkPasskey, holdsPasskey } from './passkeys';
import { proveFactor, type FactorRefusal, type GivenFactor } from './prove-factor';

/** Signed in; `trustedDevice`: the cookie of a browser that is trusted from now on. */
export type FactorAccepted = SignedIn & { trustedDevice: string | null };

/**
 * The second step of signing in: hears the second factor of the person whose password this browser has given. In: `token`, of its
 * pending cookie; `trust`, whether the browser is to be asked for none for 30 days, which no admin's is.
 *
 * Out: a login grant, single use, whose session has shown a second factor. Refuses `over` when the password was given too long
 * ago, here or elsewhere used up, or changed meanwhile: then signing in begins again.
 */
export async function giveSecondFactor(
  db: Db,
  {
    token,
    given,
    trust,
    knownBrowser,
  }: { token: string | null; given: GivenFactor; trust: boolean; knownBrowser: string | null },
  context: RequestContext,
): Promise<({ ok: true } & FactorAccepted) | ({ ok: false } & (FactorRefusal | { reason: 'over' }))> {
  const { now } = context;
  const user = token === null ? null : await readPending(db, token, now, 'second_factor');
  if (token === null || user === null) return { ok: false, reason: 'over' };
  const proven = await proveFactor(db, user, given, context);
  if (!proven.ok) return proven;
  return db.transaction(async (tx) => {
    const locked = await lockUser(tx, user.id);
    // Whatever ended the first step meanwhile took its token along.
    if (locked === null || locked.deactivatedAt !== null || !(await endPendingToken(tx, token))) {
      return { ok: false as const, reason: 'over' as const };
    }
    const trusts = trust && mayTrustDevices(locked.role);
    const trustedDevice = trusts ? await trustDevice(tx, locked.id, context) : null;
    if (trusts) await recordAudit(tx, { action: 'device_trusted', userId: locked.id }, context);
    const shows = { secondFactorAt: now };
    return {
      ok: true as const,
      trustedDevice,
      ...(await completeSignIn(tx, locked, { knownBrowser, shows }, context)),
    };
  });
}

/**
 * Signs in by a passkey alone, which says itself whose it is and is both factors at once: the device, and the PIN or finger that
 * it asks for (NIST SP 800-63B-4 3.1.7).
 */
export async function signInByPasskey(
  db: Db,
  { answer, knownBrowser }: { answer: string; knownBrowser: string | null },
  context: RequestContext,
): Promise<
  | ({ ok: true } & SignedIn)
  | { ok: false; reason: 'passkey_refused' | 'deactivated' }
  | { ok: false; reason: 'too_many_requests'; retryAt: Date }
> {
  const { now } = context;
  const coarse = await takeAddressHit(db, 'sign_in', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  const checked = await checkPasskey(db, { answer, userId: null }, now);
  const user = checked === null ? null : await findUser(db, checked.userId);
  if (checked === null || user === null || user.activatedAt === null) {
    return { ok: false, reason: 'passkey_refused' };
  }
  return db.transaction(async (tx) => {
    const locked = await lockUser(tx, user.id);
    // It may have been taken off while its answer was checked.
    if (locked === null || !(await holdsPasskey(tx, checked.passkeyId)))
      return { ok: false as const, reason: 'passkey_refused' as const };
    if (locked.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated' as const };
    const shows = { secondFactorAt: now };
    return { ok: true as const, ...(await completeSignIn(tx, locked, { knownBrowser, shows }, context)) };
  });
}
