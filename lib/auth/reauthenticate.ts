import type { Db } from '@/db/client';
import type { User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { checkPassword } from './check-password';

export type ReauthenticationRefusal =
  | { reason: 'wrong_password' | 'busy' | 'not_open' }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Asks somebody signed in for their password again, before what an open browser alone must not do: change the phone or
 * the password, delete the account (OWASP ASVS 5.0 7.5.1). Under the limits of signing in, so a borrowed browser gives no
 * further guesses. `not_open`: the account was shut or deleted meanwhile.
 */
export async function reauthenticate(
  db: Db,
  person: { userId: string; email: string },
  currentPassword: string,
  context: RequestContext,
): Promise<{ ok: true; user: User } | ({ ok: false } & ReauthenticationRefusal)> {
  const { userId, email } = person;
  const checked = await checkPassword(db, { email, password: currentPassword }, context);
  if (!checked.ok) {
    if (checked.reason !== 'wrong_credentials') return checked;
    if (checked.user?.id !== userId) return { ok: false, reason: 'not_open' };
    await recordAudit(db, { action: 'reauthentication_refused', userId }, context);
    return { ok: false, reason: 'wrong_password' };
  }
  const { user } = checked;
  const open = user.id === userId && user.activatedAt !== null && user.deactivatedAt === null;
  return open ? { ok: true, user } : { ok: false, reason: 'not_open' };
}
