import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { isEnrolled, readFactors } from '@/lib/accounts/factors';
import { setRole } from '@/lib/accounts/users';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { endLinks } from '@/lib/mail/links';
import { adminOf, auditOf, refuseAuthor, type Author, type AuthorRefusal } from './author';
import { giveEnrollLink, type EnrollLinkGiven } from './give-enroll-link';
import { endAllAccess } from '@/lib/auth/sign-in/end-sessions';

export type RoleRefusal =
  'gone' | 'deactivated' | 'same_role' | 'last_admin' | 'email_unproven' | AuthorRefusal;

/**
 * Gives an account another role. All that lets a browser into the account ends with it, open links of mails included: whoever
 * had the old role signs in again for the new one. The last open account of an admin keeps its role.
 *
 * An admin gives an account whose email was never confirmed no role but applicant (`email_unproven`), since a stranger may
 * have made it. At the terminal that is the operator's to know.
 *
 * Out: the role it was, whether its email is confirmed, and where the new role asks for a second factor that the account does
 * not hold, how the link to set it up goes to the person.
 */
export async function changeRole(
  db: Db,
  { userId, role, author }: { userId: string; role: Role; author: Author },
  context: RequestContext,
): Promise<
  | { ok: true; from: Role; isEmailProven: boolean; enroll: EnrollLinkGiven | null }
  | { ok: false; reason: RoleRefusal }
> {
  return db.transaction(async (tx) => {
    const { user, isLastAdmin, byAdmin } = await lockAmongAdmins(tx, userId, adminOf(author));
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    const refused = refuseAuthor(author, { userId, byAdmin });
    if (refused !== null) return { ok: false as const, reason: refused };
    if (user.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated' as const };
    if (user.role === role) return { ok: false as const, reason: 'same_role' as const };
    if (isLastAdmin) return { ok: false as const, reason: 'last_admin' as const };
    const isEmailProven = user.emailProvenAt !== null;
    if (!isEmailProven && role !== 'applicant' && adminOf(author) !== null) {
      return { ok: false as const, reason: 'email_unproven' as const };
    }
    await setRole(tx, userId, role);
    await endAllAccess(tx, userId);
    // "This was not me" stays open: what the role is given to may be in a stranger's hands.
    await endLinks(tx, userId, { notMe: 'keep', now: context.now });
    const { actorId, details } = auditOf(author);
    await recordAudit(
      tx,
      { action: 'role_changed', userId, actorId, details: { from: user.role, to: role, ...details } },
      context,
    );
    const isLacking = !isEnrolled(role, await readFactors(tx, userId));
    const enroll = isLacking ? await giveEnrollLink(tx, { ...user, role }, author, context) : null;
    return { ok: true as const, from: user.role, isEmailProven, enroll };
  });
}
