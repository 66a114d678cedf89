import type { Db } from '@/db/client';
import { markDeactivated } from '@/lib/accounts/users';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { endLinks } from '@/lib/mail/links';
import { endChallenge } from '@/lib/sms/verification/challenge';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { adminOf, auditOf, refuseAuthor, type Author, type AuthorRefusal } from './author';
import { endAllAccess } from '@/lib/auth/sign-in/end-sessions';

export type DeactivationRefusal = 'gone' | 'deactivated_already' | 'last_admin' | AuthorRefusal;

/**
 * Shuts an account, all in one transaction: the person is signed out everywhere and can sign in no more, their open code and
 * the links in their mails are void but for "This was not me", and their waiting texts are withdrawn. The send policy refuses every later one. Nothing is
 * deleted, their number stays theirs until someone else proves it, and the ledger of consents is left as it is. The last open
 * account of an admin stays.
 */
export async function deactivateAccount(
  db: Db,
  { userId, author }: { userId: string; author: Author },
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: DeactivationRefusal }> {
  const { now } = context;
  return db.transaction(async (tx) => {
    const { locked } = await lockPerson(tx, userId, [], () => lockAmongAdmins(tx, userId, adminOf(author)));
    const { user, isLastAdmin, byAdmin } = locked;
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    const refused = refuseAuthor(author, { userId, byAdmin });
    if (refused !== null) return { ok: false as const, reason: refused };
    if (user.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated_already' as const };
    if (isLastAdmin) return { ok: false as const, reason: 'last_admin' as const };
    await markDeactivated(tx, userId, now);
    await endAllAccess(tx, userId);
    // "This was not me" still clears the account, for the day on which it is opened again.
    await endLinks(tx, userId, { notMe: 'keep', now });
    await endChallenge(tx, userId, 'deactivated', now);
    await cancelTexts(tx, { userId }, 'account_deactivated', now);
    await recordAudit(tx, { action: 'account_deactivated', userId, ...auditOf(author) }, context);
    return { ok: true as const };
  });
}
