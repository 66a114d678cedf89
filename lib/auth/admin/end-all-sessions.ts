import type { Db } from '@/db/client';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import { endAllAccess } from '@/lib/auth/sign-in/end-sessions';
import type { RequestContext } from '@/lib/context';
import { adminOf, auditOf, refuseAuthor, type Author, type AuthorRefusal } from './author';

/**
 * Signs a person out everywhere, by someone else. Whoever knows the password can sign in again. Out: how many sessions there
 * were.
 */
export async function endAllSessions(
  db: Db,
  { userId, author }: { userId: string; author: Author },
  context: RequestContext,
): Promise<{ ok: true; ended: number } | { ok: false; reason: 'gone' | AuthorRefusal }> {
  return db.transaction(async (tx) => {
    const { user, byAdmin } = await lockAmongAdmins(tx, userId, adminOf(author));
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    const refused = refuseAuthor(author, { userId, byAdmin });
    if (refused !== null) return { ok: false as const, reason: refused };
    const ended = await endAllAccess(tx, userId);
    const { actorId, details } = auditOf(author);
    const action = actorId === null ? 'sessions_ended_by_operator' : 'sessions_ended_by_admin';
    await recordAudit(tx, { action, userId, actorId, details: { ...details, ended } }, context);
    return { ok: true as const, ended };
  });
}
