import type { Db, Tx } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { isEnrolled, readFactors } from '@/lib/accounts/factors';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import type { User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { endLinks, linkUrl, makeLink } from '@/lib/mail/links';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { adminOf, auditOf, refuseAuthor, type Author, type AuthorRefusal } from './author';

/** How a link to set up a second factor goes to its person: by mail, or handed on by whoever is shown it, this once. */
export type EnrollLinkGiven = { by: 'mail' } | { by: 'hand'; url: string };

/**
 * Gives someone a link to set up a second factor, which takes their password, too, and works once, for a day; earlier ones end.
 * It goes by mail where an admin gives it and mail reaches the person, unless their password was reset within 72 hours. Else its
 * address comes out, to be handed on: nothing keeps it.
 *
 * In: the account as it is locked. What the audit says of it, `enroll_link_made`, does not hold the link.
 */
export async function giveEnrollLink(
  tx: Tx,
  user: User,
  author: Author,
  context: RequestContext,
): Promise<EnrollLinkGiven> {
  const { id: userId, email } = user;
  const { now } = context;
  await endLinks(tx, userId, { purposes: ['enroll'], now });
  // Right after a recovery the mailbox is all that was shown: then it takes someone who knows the person.
  const isFrozen = frozenUntil(user, now) !== null;
  const byMail = adminOf(author) !== null && isReachedByMail(user) && !isFrozen;
  const { actorId, details } = auditOf(author);
  const by = byMail ? 'mail' : 'hand';
  await recordAudit(
    tx,
    { action: 'enroll_link_made', userId, actorId, details: { by, ...details } },
    context,
  );
  const link = { purpose: 'enroll', userId, email, now } as const;
  if (!byMail) return { by: 'hand', url: linkUrl(await makeLink(tx, link)) };
  await enqueueLinkMail(tx, { ...link, template: 'enrollByAdmin', askedFrom: context.address });
  return { by: 'mail' };
}

/** `lacks_none`: the role asks for no second factor, or the account holds one. */
export type EnrollLinkRefusal = 'gone' | 'deactivated' | 'not_active' | 'lacks_none' | AuthorRefusal;

/** Gives a link to someone who must hold a second factor and holds none, by an admin. */
export async function sendEnrollLink(
  db: Db,
  { userId, author }: { userId: string; author: Author },
  context: RequestContext,
): Promise<{ ok: true; enroll: EnrollLinkGiven } | { ok: false; reason: EnrollLinkRefusal }> {
  return db.transaction(async (tx) => {
    const { user, byAdmin } = await lockAmongAdmins(tx, userId, adminOf(author));
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    const refused = refuseAuthor(author, { userId, byAdmin });
    if (refused !== null) return { ok: false as const, reason: refused };
    if (user.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated' as const };
    if (user.activatedAt === null) return { ok: false as const, reason: 'not_active' as const };
    if (isEnrolled(user.role, await readFactors(tx, userId))) {
      return { ok: false as const, reason: 'lacks_none' as const };
    }
    return { ok: true as const, enroll: await giveEnrollLink(tx, user, author, context) };
  });
}
