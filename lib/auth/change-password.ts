import type { Db } from '@/db/client';
import { commonPasswords } from '@/lib/accounts/common-passwords';
import { hashPassword } from '@/lib/accounts/password';
import { assessPassword, type PasswordRefusal } from '@/lib/accounts/password-strength';
import { endSessionsOf } from '@/lib/accounts/sessions';
import { changePasswordHash, endLoginGrants, endPendingTokens } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { noticeSecurity } from '@/lib/sms/security-notice';
import { reauthenticate, type ReauthenticationRefusal } from './reauthenticate';

export type ChangePasswordRefusal =
  | ReauthenticationRefusal
  | { reason: 'new_password'; why: PasswordRefusal | 'same_as_before' }
  | { reason: 'changed_meanwhile' };

/**
 * Changes a password against the old one (OWASP ASVS 5.0 6.2.3, 7.4.3). Every other session ends, and so do pending
 * verifications and login grants; the session it is changed in stays. The new one meets the same rules as at
 * registration. A person who wants texts about security gets one.
 */
export async function changePassword(
  db: Db,
  person: { userId: string; sessionId: string; email: string; name: string },
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & ChangePasswordRefusal)> {
  const { userId, sessionId, email, name } = person;
  const { now } = context;
  const strength = assessPassword(newPassword, { list: commonPasswords, email, name });
  if (!strength.acceptable) return { ok: false, reason: 'new_password', why: strength.reason };
  const known = await reauthenticate(db, person, currentPassword, context);
  if (!known.ok) return known;
  if (newPassword.normalize('NFC') === currentPassword.normalize('NFC')) {
    return { ok: false, reason: 'new_password', why: 'same_as_before' };
  }
  const hash = await hashPassword(newPassword);
  if (!hash.ok) return { ok: false, reason: 'busy' };
  return db.transaction(async (tx) => {
    const change = { userId, from: known.user.passwordHash, to: hash.value, now };
    if (!(await changePasswordHash(tx, change))) {
      return { ok: false as const, reason: 'changed_meanwhile' as const };
    }
    await endSessionsOf(tx, userId, sessionId);
    await endPendingTokens(tx, userId);
    await endLoginGrants(tx, userId);
    await noticeSecurity(tx, { userId, phone: known.user.phone, event: 'your password was changed', now });
    await recordAudit(tx, { action: 'password_changed', userId }, context);
    return { ok: true as const };
  });
}
