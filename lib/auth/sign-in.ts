import type { Db } from '@/db/client';
import { issuePendingToken } from '@/lib/accounts/pending';
import { holdPassword } from '@/lib/accounts/stored-password';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import type { HitsLeft } from '@/lib/rate-limits/hits';
import { checkPassword } from './check-password';
import { issueMark } from './known-browser';

export type SignInRefusal =
  | { reason: 'wrong_credentials'; triesLeft?: HitsLeft }
  | { reason: 'deactivated' | 'busy' }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Checks an email and password.
 *
 * Out: a login grant for an open account, or a pending token for one whose verification is not finished (it goes to the
 * code page and not inside); and a mark for this browser, which the account knows from now on. In: `knownBrowser`, the
 * cookie with the marks that it has. An unknown email and a wrong password get the same answer after the same work, and
 * `triesLeft` when few are left before a wait.
 */
export async function signIn(
  db: Db,
  { email, password, knownBrowser = null }: { email: string; password: string; knownBrowser?: string | null },
  context: RequestContext,
): Promise<
  | { ok: true; next: 'dashboard'; grant: string; mark: string }
  | { ok: true; next: 'verify'; pendingToken: string; mark: string }
  | ({ ok: false } & SignInRefusal)
> {
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
  return db.transaction(async (tx) => {
    // A password that was changed while this one was checked has ended what the old one opened: nothing new may follow.
    if (!(await holdPassword(tx, { userId: user.id, passwordHash: user.passwordHash }))) {
      return { ok: false as const, reason: 'wrong_credentials' as const };
    }
    const mark = issueMark(user, context.now);
    if (user.activatedAt === null) {
      const pendingToken = await issuePendingToken(tx, user.id, context.now);
      return { ok: true as const, next: 'verify' as const, pendingToken, mark };
    }
    await recordAudit(tx, { action: 'signed_in', userId: user.id }, context);
    return {
      ok: true as const,
      next: 'dashboard' as const,
      mark,
      ...(await mintLoginGrant(tx, user.id, context.now)),
    };
  });
}
