import type { Db, Tx } from '@/db/client';
import { refuseNewPassword } from '@/lib/accounts/new-password';
import { hashPassword } from '@/lib/accounts/password';
import type { PasswordRefusal } from '@/lib/accounts/password-strength';
import { lockUser } from '@/lib/accounts/lock-users';
import { endSessionsOf } from '@/lib/accounts/sessions';
import { unlessHeld } from '@/lib/accounts/unless-held';
import { type User } from '@/lib/accounts/users';
import { changePasswordHash } from '@/lib/accounts/stored-password';
import { endPendingTokens } from '@/lib/accounts/pending';
import { endLoginGrants } from '@/lib/accounts/login-grants';
import { recordAudit, type AuditAction } from '@/lib/audit';
import { networkOf } from '@/lib/client-address';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import type { RequestContext } from '@/lib/context';
import { endLinks } from '@/lib/mail/links';
import { tellOwner } from '@/lib/mail/tell-owner';
import { endRecoveries } from '@/lib/sms/verification/recovery';
import { noticeSecurity } from '@/lib/sms/preferences/security-notice';
import { issueMark } from '@/lib/auth/sign-in/known-browser';
import { refuseStaleFactor, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';
import { reauthenticate } from '@/lib/auth/sign-in/reauthenticate';
import { toNfc } from '@/lib/unicode';

export type ChangePasswordRefusal =
  | IdentityRefusal
  | TooManyChanges
  | { reason: 'new_password'; why: PasswordRefusal | 'same_as_before' }
  | { reason: 'changed_meanwhile' };

/**
 * Changes a password against the old one, and a second factor where the account asks for one (OWASP ASVS 5.0 6.2.3, 7.4.3).
 * Every other session ends, and so do pending verifications and login grants; the session it is changed in stays. The new one
 * meets the same rules as at registration. A person who wants texts about security gets one. No account knows a browser by an
 * older password: `mark` is the new one for the browser in which it is changed.
 */
export async function changePassword(
  db: Db,
  person: { userId: string; sessionId: string; email: string; name: string },
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
  context: RequestContext,
): Promise<{ ok: true; mark: string } | ({ ok: false } & ChangePasswordRefusal)> {
  const { userId, sessionId, email, name } = person;
  const why = await refuseNewPassword(newPassword, { email, name });
  if (why !== null) return { ok: false, reason: 'new_password', why };
  const stale = await refuseStaleFactor(db, person, context.now);
  if (stale !== null) return { ok: false, ...stale };
  const known = await reauthenticate(db, person, currentPassword, context);
  if (!known.ok) return known;
  if (toNfc(newPassword) === toNfc(currentPassword)) {
    return { ok: false, reason: 'new_password', why: 'same_as_before' };
  }
  const hit = await takeSettingsHit(db, { userId, kind: 'password' }, context.now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  const hash = await hashPassword(newPassword, networkOf(context.address));
  if (!hash.ok) {
    await hit.refund();
    return { ok: false, reason: 'busy' };
  }
  const change = { action: 'password_changed', actorId: userId, keptSession: sessionId } as const;
  const changed = await unlessHeld(() =>
    db.transaction(async (tx) => {
      await lockUser(tx, userId);
      // To hash takes long: the owner may have ended this session meanwhile.
      const ended = await refuseStaleFactor(tx, person, context.now);
      if (ended !== null) return { ok: false as const, ...ended };
      if (!(await replacePassword(tx, known.user, hash.value, change, context))) {
        return { ok: false as const, reason: 'changed_meanwhile' as const };
      }
      await tellOwner(tx, { template: 'passwordChanged', before: known.user }, context);
      return { ok: true as const };
    }),
  );
  if (!changed.ok) {
    await hit.refund();
    return changed;
  }
  return { ok: true, mark: issueMark({ ...known.user, passwordChangedAt: context.now }, context.now) };
}

/**
 * Puts a new password's hash in the place of the one that `user` was read with, ends what the old one opened and what others
 * asked for to replace it, tells the person and writes the audit row. `keptSession` null: every session ends. False: the
 * password was changed meanwhile.
 */
export async function replacePassword(
  tx: Tx,
  user: Pick<User, 'id' | 'phone' | 'passwordHash' | 'emailProvenAt'>,
  newHash: string,
  {
    action,
    actorId,
    keptSession,
    details,
  }: {
    action: AuditAction;
    actorId: string | null;
    keptSession: string | null;
    details?: Record<string, string>;
  },
  context: RequestContext,
): Promise<boolean> {
  const { id: userId } = user;
  const { now } = context;
  if (!(await changePasswordHash(tx, { userId, from: user.passwordHash, to: newHash, now }))) return false;
  // In the order in which one leads to the next, so that what is being redeemed right now ends as what came of it.
  await endPendingTokens(tx, userId);
  await endLoginGrants(tx, userId);
  await endSessionsOf(tx, userId, keptSession);
  await endRecoveries(tx, userId, now);
  await endLinks(tx, userId, { purposes: ['reset', 'change_email'], now });
  const isReset = action === 'password_reset';
  await noticeSecurity(tx, user, isReset ? 'your password was reset' : 'your password was changed', now);
  await recordAudit(tx, { action, userId, actorId, details }, context);
  return true;
}
