import type { Db, Tx } from '@/db/client';
import { commitWithNext } from '@/db/lazy-commit';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { asksSecondFactor, hasGrace, isEnrolled, readFactors } from '@/lib/accounts/factors';
import { endLoginGrants } from '@/lib/accounts/login-grants';
import { issuePendingToken } from '@/lib/accounts/pending';
import { holdPassword } from '@/lib/accounts/stored-password';
import { endTrustedSessions } from '@/lib/accounts/sessions';
import { redeemTrustedDevice } from '@/lib/accounts/trusted-devices';
import type { User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import type { HitsLeft } from '@/lib/rate-limits/hits';
import { checkPassword } from './check-password';
import { completeSignIn, type SignedIn } from './complete-sign-in';
import { mailEnrollLink, type EnrollMail } from './enroll-link';
import { issueMark } from './known-browser';

export type SignInRefusal =
  | { reason: 'wrong_credentials'; triesLeft?: HitsLeft }
  | { reason: 'deactivated' | 'busy' }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date }
  /** A second factor has to be set up first, by a link: the one that was mailed right now, or one from an admin. */
  | ({ reason: 'must_enroll' } & EnrollMail);

/** The cookies by which a browser may be known. */
export type BrowserCookies = { knownBrowser?: string | null; trustedDevice?: string | null };

/** What a right password leads to. */
export type PasswordAccepted =
  | ({ next: 'dashboard'; trustedDevice: string | null } & SignedIn)
  /** The verification of a new account is not finished: the code page, and not inside. */
  | { next: 'verify'; pendingToken: string; mark: string }
  | { next: 'second_factor'; pendingToken: string };

/**
 * Checks an email and password, the first step of signing in.
 *
 * Out: where it leads. Inside with a login grant, where the account asks for no second factor or trusts this browser, whose
 * cookie is a new one then; else with a pending token that does nothing but hear the second factor. Whoever must hold one and
 * holds none comes inside only to set it up, for as long as a password alone may. `mark`: the account knows this browser from
 * now on.
 *
 * An unknown email and a wrong password get the same answer after the same work, and `triesLeft` when few are left before a wait.
 */
export async function signIn(
  db: Db,
  { email, password, ...cookies }: { email: string; password: string } & BrowserCookies,
  context: RequestContext,
): Promise<({ ok: true } & PasswordAccepted) | ({ ok: false } & SignInRefusal)> {
  const { knownBrowser = null, trustedDevice = null } = cookies;
  const checked = await checkPassword(db, { email, password }, { knownBrowser }, context);
  if (!checked.ok) {
    if (checked.reason !== 'wrong_credentials') return checked;
    const details = { reason: 'wrong_credentials' };
    await recordAudit(
      db,
      { action: 'sign_in_refused', userId: checked.user?.id ?? null, actorId: null, details },
      context,
    );
    return { ok: false, reason: 'wrong_credentials', triesLeft: checked.triesLeft };
  }
  const { user } = checked;
  if (user.deactivatedAt !== null) {
    const details = { reason: 'deactivated' };
    await recordAudit(db, { action: 'sign_in_refused', userId: user.id, details }, context);
    return { ok: false, reason: 'deactivated' };
  }
  const accepted = await db.transaction(async (tx) => {
    // A password that was changed while this one was checked has ended what the old one opened: nothing new may follow.
    if (!(await holdPassword(tx, { userId: user.id, passwordHash: user.passwordHash }))) {
      return { ok: false as const, reason: 'wrong_credentials' as const };
    }
    if (user.activatedAt === null) {
      const pendingToken = await issuePendingToken(tx, user.id, context.now);
      return { ok: true as const, next: 'verify' as const, pendingToken, mark: issueMark(user, context.now) };
    }
    const inside = await acceptPassword(tx, user, { knownBrowser, trustedDevice }, context);
    // The session that the grant opens at once is what has to last.
    if (inside.ok && inside.next === 'dashboard') await commitWithNext(tx);
    return inside;
  });
  if (accepted.ok || accepted.reason !== 'must_enroll') return accepted;
  return { ...accepted, ...(await mailEnrollLink(db, user, context)) };
}

/** What follows for an open account whose password is right. */
async function acceptPassword(
  tx: Tx,
  user: User,
  { knownBrowser, trustedDevice }: { knownBrowser: string | null; trustedDevice: string | null },
  context: RequestContext,
): Promise<({ ok: true } & PasswordAccepted) | { ok: false; reason: 'must_enroll' }> {
  const { id: userId, role } = user;
  const held = await readFactors(tx, userId);
  const inside = { ok: true, next: 'dashboard', trustedDevice: null } as const;
  if (asksSecondFactor(role, held)) {
    const device = await redeemTrustedDevice(tx, { cookie: trustedDevice, userId }, context);
    if (device.cookie !== null) {
      const shows = { byTrustedDevice: true };
      return {
        ...inside,
        trustedDevice: device.cookie,
        ...(await completeSignIn(tx, user, { knownBrowser, shows }, context)),
      };
    }
    if (device.replayed) {
      // Who used the copy, or the one that was copied, before is out, too.
      await endLoginGrants(tx, userId);
      await endTrustedSessions(tx, userId);
      await recordAudit(tx, { action: 'trusted_device_replayed', userId }, context);
    }
    const pendingToken = await issuePendingToken(tx, userId, context.now, 'second_factor');
    return { ok: true, next: 'second_factor', pendingToken };
  }
  const mayEnter =
    isEnrolled(role, held) ||
    (user.enrollUntil !== null && user.enrollUntil > context.now) ||
    // After a reset the mailbox alone would open it.
    (frozenUntil(user, context.now) === null && (await hasGrace(tx, role, context.now)));
  if (!mayEnter) return { ok: false, reason: 'must_enroll' };
  return { ...inside, ...(await completeSignIn(tx, user, { knownBrowser, shows: {} }, context)) };
}
