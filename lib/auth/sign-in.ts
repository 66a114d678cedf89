import type { Db } from '@/db/client';
import { issuePendingToken } from '@/lib/accounts/pending';
import { holdPassword, mintLoginGrant } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { checkPassword } from './check-password';

export type SignInRefusal =
  | { reason: 'wrong_credentials' | 'deactivated' | 'busy' }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Checks an e-mail and password.
 *
 * Out: a login grant for an open account, or a pending token for one whose verification is not finished (it goes to the
 * code page and not inside). An unknown e-mail and a wrong password get the same answer after the same work.
 */
export async function signIn(
  db: Db,
  { email, password }: { email: string; password: string },
  context: RequestContext,
): Promise<
  | { ok: true; next: 'dashboard'; grant: string }
  | { ok: true; next: 'verify'; pendingToken: string }
  | ({ ok: false } & SignInRefusal)
> {
  const checked = await checkPassword(db, { email, password }, context);
  if (!checked.ok) {
    if (checked.reason !== 'wrong_credentials') return checked;
    const details = { reason: 'wrong_credentials' };
    await recordAudit(
      db,
      { action: 'sign_in_refused', userId: checked.user?.id ?? null, actorId: null, details },
      context,
    );
    return { ok: false, reason: 'wrong_credentials' };
  }
  const { user } = checked;
  if (user.deactivatedAt !== null) {
    const details = { reason: 'deactivated' };
    await recordAudit(db, { action: 'sign_in_refused', userId: user.id, details }, context);
    return { ok: false, reason: 'deactivated' };
  }
  return db.transaction(async (tx) => {
    // A password that was changed while this one was checked has ended what the old one opened: nothing new may follow.
    if (!(await holdPassword(tx, { userId: user.id, passwordHash: user.passwordHash }))) {
      return { ok: false as const, reason: 'wrong_credentials' as const };
    }
    if (user.activatedAt === null) {
      const pendingToken = await issuePendingToken(tx, user.id, context.now);
      return { ok: true as const, next: 'verify' as const, pendingToken };
    }
    await recordAudit(tx, { action: 'signed_in', userId: user.id }, context);
    return {
      ok: true as const,
      next: 'dashboard' as const,
      ...(await mintLoginGrant(tx, user.id, context.now)),
    };
  });
}
