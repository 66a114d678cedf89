import type { Db } from '@/db/client';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import { listRefusedAddresses, recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { passwordsPerAddressSeconds } from '@/lib/rate-limits/limits';
import { adminOf, auditOf, refuseAuthor, type Author, type AuthorRefusal } from './author';
import { forgetWrongPasswords } from '@/lib/auth/sign-in/check-password';
import { forgetTries } from '@/lib/auth/two-factor/tries';

/**
 * Resets an account's password tries, so that its owner need not wait: the tries of all browsers together, and those of each
 * address that sent a wrong password lately. The wrong codes of its second factors are forgotten, too.
 */
export async function unlockAccount(
  db: Db,
  { userId, author }: { userId: string; author: Author },
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: 'gone' | AuthorRefusal }> {
  return db.transaction(async (tx) => {
    const { user, byAdmin } = await lockAmongAdmins(tx, userId, adminOf(author));
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    const refused = refuseAuthor(author, { userId, byAdmin });
    if (refused !== null) return { ok: false as const, reason: refused };
    const since = new Date(context.now.getTime() - passwordsPerAddressSeconds * 1000);
    await forgetWrongPasswords(tx, user.email, await listRefusedAddresses(tx, userId, since));
    await forgetTries(tx, userId);
    await recordAudit(tx, { action: 'account_unlocked', userId, ...auditOf(author) }, context);
    return { ok: true as const };
  });
}
