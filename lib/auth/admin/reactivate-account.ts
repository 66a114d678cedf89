import type { Db } from '@/db/client';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import { isEmailReleased, markReactivated } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { adminOf, auditOf, refuseAuthor, type Author, type AuthorRefusal } from './author';

export type ReactivationRefusal = 'gone' | 'not_deactivated' | 'email_released' | AuthorRefusal;

/**
 * Opens an account again that was shut: its person can sign in with the password they had. What ended with the deactivation
 * stays ended. Refused as `email_released` where the owner of the email had it closed: the email is not this account's any more.
 */
export async function reactivateAccount(
  db: Db,
  { userId, author }: { userId: string; author: Author },
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: ReactivationRefusal }> {
  return db.transaction(async (tx) => {
    const { user, byAdmin } = await lockAmongAdmins(tx, userId, adminOf(author));
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    const refused = refuseAuthor(author, { userId, byAdmin });
    if (refused !== null) return { ok: false as const, reason: refused };
    if (user.deactivatedAt === null) return { ok: false as const, reason: 'not_deactivated' as const };
    if (isEmailReleased(user)) return { ok: false as const, reason: 'email_released' as const };
    await markReactivated(tx, userId);
    await recordAudit(tx, { action: 'account_reactivated', userId, ...auditOf(author) }, context);
    return { ok: true as const };
  });
}
