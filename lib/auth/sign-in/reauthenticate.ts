import type { Db } from '@/db/client';
import type { User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import type { HitsLeft } from '@/lib/rate-limits/hits';
import { checkPassword } from './check-password';

export type ReauthenticationRefusal =
  | { reason: 'wrong_password'; triesLeft?: HitsLeft }
  | { reason: 'busy' | 'not_open' }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Asks someone signed in for their password again, before what an open browser alone must not do: change the phone or
 * the password, delete the account (OWASP ASVS 5.0 7.5.1). The session has tries of its own: strangers' wrong passwords do
 * not stop it, and a borrowed browser cannot guess on and on. `not_open`: the account was shut or deleted meanwhile.
 */
export async function reauthenticate(
  db: Db,
  person: { userId: string; sessionId: string; email: string },
  currentPassword: string,
  context: RequestContext,
): Promise<{ ok: true; user: User } | ({ ok: false } & ReauthenticationRefusal)> {
  const { userId, sessionId, email } = person;
  const checked = await checkPassword(
    db,
    { email, password: currentPassword },
    { session: { userId, sessionId } },
    context,
  );
  if (!checked.ok) {
    if (checked.reason !== 'wrong_credentials') return checked;
    if (checked.user?.id !== userId) return { ok: false, reason: 'not_open' };
    await recordAudit(db, { action: 'reauthentication_refused', userId }, context);
    return { ok: false, reason: 'wrong_password', triesLeft: checked.triesLeft };
  }
  const { user } = checked;
  const open = user.id === userId && user.activatedAt !== null && user.deactivatedAt === null;
  return open ? { ok: true, user } : { ok: false, reason: 'not_open' };
}
