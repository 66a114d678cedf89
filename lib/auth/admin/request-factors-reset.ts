import type { Db } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { readFactors } from '@/lib/accounts/factors';
import { lockAmongAdmins, type ActingAdmin } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { endLinks } from '@/lib/mail/links';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { findResetPhone, textResetFactors } from '@/lib/sms/verification/reset-factors-text';
import { refuseAuthor, type AuthorRefusal } from './author';

/**
 * `not_reached`: neither by mail nor by text. `holds_none`: there is no factor to take off. `recovered_lately`: the password was set
 * without the old one within 72 hours, maybe by whoever would follow the link.
 */
export type ResetRequestRefusal =
  'gone' | 'deactivated' | 'not_active' | 'holds_none' | 'not_reached' | 'recovered_lately' | AuthorRefusal;

/**
 * Asks the owner of an account whether their second factors are to be taken off, because an admin was told that they lost them:
 * by mail, or by text where no mail reaches them. Nothing changes until they follow the link and give their password
 * (`enrollByLink`), so that nobody talks an admin into opening someone else's account. The link works once, for a day; earlier
 * ones end. Out: which way it goes.
 */
export async function requestFactorsReset(
  db: Db,
  { userId, author }: { userId: string; author: ActingAdmin & { reason: string } },
  context: RequestContext,
): Promise<{ ok: true; enroll: { by: 'mail' | 'text' } } | { ok: false; reason: ResetRequestRefusal }> {
  const { now } = context;
  const { adminId, reason } = author;
  return db.transaction(async (tx) => {
    const { user, byAdmin } = await lockAmongAdmins(tx, userId, author);
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    const refused = refuseAuthor(author, { userId, byAdmin });
    if (refused !== null) return { ok: false as const, reason: refused };
    if (user.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated' as const };
    if (user.activatedAt === null) return { ok: false as const, reason: 'not_active' as const };
    const held = Object.values(await readFactors(tx, userId));
    if (!held.includes(true)) return { ok: false as const, reason: 'holds_none' as const };
    if (frozenUntil(user, now) !== null) return { ok: false as const, reason: 'recovered_lately' as const };
    const isMailed = isReachedByMail(user);
    const phone = isMailed ? null : await findResetPhone(tx, user, now);
    if (!isMailed && phone === null) return { ok: false as const, reason: 'not_reached' as const };
    await endLinks(tx, userId, { purposes: ['enroll'], now });
    const details = { reset: 'yes', reason, adminId };
    if (phone !== null) await textResetFactors(tx, user, { phone, details }, now);
    else {
      const { email } = user;
      const template = 'resetFactors';
      const asked = { askedFrom: context.address, now };
      await enqueueLinkMail(tx, { purpose: 'enroll', template, userId, email, details, ...asked });
    }
    const by = phone === null ? ('mail' as const) : ('text' as const);
    const asked = {
      action: 'factors_reset_requested',
      userId,
      actorId: adminId,
      details: { by, reason },
    } as const;
    await recordAudit(tx, asked, context);
    return { ok: true as const, enroll: { by } };
  });
}
