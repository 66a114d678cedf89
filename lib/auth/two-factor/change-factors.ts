import type { Db, Tx } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { asksSecondFactor, isEnrolled, readFactors, type HeldFactors } from '@/lib/accounts/factors';
import { lockUser } from '@/lib/accounts/lock-users';
import { endLoginGrants } from '@/lib/accounts/login-grants';
import { endPendingTokens } from '@/lib/accounts/pending';
import { endUnshownSessions, markShown, readSession, type SessionUser } from '@/lib/accounts/sessions';
import { endTrustedDevices } from '@/lib/accounts/trusted-devices';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { setEnrollUntil, type User } from '@/lib/accounts/users';
import { recordAudit, type AuditAction } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { tellOwner } from '@/lib/mail/tell-owner';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { lockNumbers } from '@/lib/sms/numbers/number';
import { noticeSecurity, type SecurityEvent } from '@/lib/sms/preferences/security-notice';
import { listPasskeys } from './passkeys';
import { removeRecoveryCodes } from './recovery-codes';
import { isFresh } from './step-up';

/**
 * Why a session may not change factors. `confirm_first`: it has to show again whose it is. `needs_link`: it was opened by a
 * password alone, by someone who must hold a second factor and holds none: theirs is set up by a link.
 */
export type FactorsGuard = 'confirm_first' | 'needs_link';

export type FactorChangeRefusal =
  | { reason: FactorsGuard | 'not_open' | 'last_factor' }
  | { reason: 'recovered_lately'; retryAt: Date }
  | Busy
  | TooManyChanges;

/**
 * Whether a session may change factors at all; null: it may. While a role may do without a second factor, a password sets up the
 * first, as it opens everything else.
 */
export function refuseFactors(user: SessionUser, now: Date): FactorsGuard | null {
  const { role, factors, enrollUntil, graceUntil, secondFactorAt } = user;
  if (role !== 'applicant' && !isEnrolled(role, factors) && secondFactorAt === null) {
    if (enrollUntil !== null) return null;
    if (graceUntil === null) return 'needs_link';
  }
  return isFresh(user, now) ? null : 'confirm_first';
}

/** A change of factors, and what is told of it. */
type Change<Refusal> = {
  /** A factor is added, or one of a kind is taken away; or recovery codes are made, which take the place of one that is lost. */
  kind: 'added' | { removed: keyof HeldFactors } | 'codes';
  /** The number that `make` locks: numbers come before people. */
  phone?: string | null;
  /** Makes it; `null`: done, else why it was not, and nothing was written. */
  make: (tx: Tx, user: User) => Promise<Refusal | null>;
  audit: AuditAction;
  /** In words: "a passkey was added". */
  event: SecurityEvent;
};

/**
 * Until when factors stay as they are, since the password was set without the old one; null: they may be changed. What the role
 * has to hold is set up all the same.
 */
export function refuseFrozen(
  account: Pick<User, 'recoveredAt'>,
  { standing }: Pick<SessionUser, 'standing'>,
  now: Date,
): Date | null {
  return standing === 'enroll' ? null : frozenUntil(account, now);
}

/**
 * Makes one change of a person's factors, under the lock of their account: nobody does without a fresh session, nor within
 * 72 hours of a password that was set without the old one, except to set up what the role has to hold. Whoever must hold a
 * second factor keeps one. The owner is told by mail and text, and it is in the audit. Who adds a factor has shown it in doing so,
 * and the session has shown a second factor from then on; others that have shown none end, where the account now asks for one.
 * Trust in browsers and second steps under way end with any change of factors, recovery codes with the last one.
 *
 * `busy`: others were changing the account all the time that it waited.
 *
 * In: the session as it was read for the request; it is read again under the lock, since it may be over by then.
 */
export async function changeFactors<Refusal>(
  db: Db,
  user: SessionUser,
  { kind, phone = null, make, audit, event }: Change<Refusal>,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (FactorChangeRefusal | { reason: 'refused'; why: Refusal }))> {
  const { userId, sessionId } = user;
  const { now } = context;
  const hit = await takeSettingsHit(db, { userId, kind: 'factors' }, now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  const changeOnce = async (tx: Tx) => {
    await lockNumbers(tx, [phone]);
    const locked = await lockUser(tx, userId);
    const session = await readSession(tx, sessionId, now);
    if (locked === null || session === null || session.standing === 'shut' || session.role !== user.role) {
      return { ok: false as const, reason: 'not_open' as const };
    }
    const guard = refuseFactors(session, now);
    if (guard !== null) return { ok: false as const, reason: guard };
    const retryAt = refuseFrozen(locked, session, now);
    if (retryAt !== null) return { ok: false as const, reason: 'recovered_lately' as const, retryAt };
    if (typeof kind === 'object' && !(await mayBeWithout(tx, locked, kind.removed))) {
      return { ok: false as const, reason: 'last_factor' as const };
    }
    // Where the number took the last factor along.
    if (kind === 'added') await endUnusedCodes(tx, userId);
    const why = await make(tx, locked);
    if (why !== null) return { ok: false as const, reason: 'refused' as const, why };
    if (typeof kind === 'object') await endUnusedCodes(tx, userId);
    // What was given in a second step just now may be what was taken away.
    await endPendingTokens(tx, userId);
    if (kind !== 'codes') await endTrustedDevices(tx, userId);
    if (kind === 'added') {
      await markShown(tx, { sessionId, factor: 'second' }, now);
      const held = await readFactors(tx, userId);
      if (isEnrolled(locked.role, held)) await setEnrollUntil(tx, userId, null);
      if (asksSecondFactor(locked.role, held)) {
        await endLoginGrants(tx, userId);
        await endUnshownSessions(tx, userId);
      }
    }
    await recordAudit(tx, { action: audit, userId }, context);
    const template = typeof kind === 'object' ? 'factorRemoved' : 'factorAdded';
    await tellOwner(tx, { template, event, before: locked }, context);
    await noticeSecurity(tx, locked, event, now);
    return { ok: true as const };
  };
  const changed = await unlessHeld(() => db.transaction(changeOnce));
  if (!changed.ok) await hit.refund();
  return changed;
}

/** Without a factor that they could take the place of, recovery codes go: they do not count for the next one. */
async function endUnusedCodes(tx: Tx, userId: string): Promise<void> {
  const held = Object.values(await readFactors(tx, userId));
  if (!held.includes(true)) await removeRecoveryCodes(tx, userId);
}

/** Whether an account holds what its role has to without one factor of a kind. */
async function mayBeWithout(tx: Tx, { id, role }: User, kind: keyof HeldFactors): Promise<boolean> {
  const held = await readFactors(tx, id);
  const keepsPasskey = kind === 'passkey' && (await listPasskeys(tx, id)).length > 1;
  return isEnrolled(role, { ...held, [kind]: keepsPasskey });
}
