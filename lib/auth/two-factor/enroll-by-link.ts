import type { Db, Tx } from '@/db/client';
import { isOpenAdmin, lockUsers } from '@/lib/accounts/lock-users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { findUser, hasEmailKey, type User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { checkPassword } from '@/lib/auth/sign-in/check-password';
import { issueMark } from '@/lib/auth/sign-in/known-browser';
import type { SignedIn } from '@/lib/auth/sign-in/complete-sign-in';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';
import { endLinks, readLink, spendLink, type EmailLink, type LinkRefusal } from '@/lib/mail/links';
import type { HitsLeft } from '@/lib/rate-limits/hits';
import { readNumber } from '@/lib/sms/numbers/number';
import { resetFactors } from './remove-factors';

/** For so long the session of a link sets up a first second factor. */
const enrollSeconds = 3600;

export type EnrollLink = { email: string; name: string; removesFactors: boolean };

/** Whom a link lets set up a second factor, and whether the ones that they have are taken off first. */
export async function readEnrollLink(
  db: Db,
  token: string,
  now: Date,
): Promise<{ ok: true; link: EnrollLink } | { ok: false; reason: LinkRefusal }> {
  const read = await readLink(db, token, ['enroll'], now);
  if (!read.ok) return read;
  const user = read.link.userId === null ? null : await findUser(db, read.link.userId);
  if (user === null || user.deactivatedAt !== null || !(await isStillGood(db, read.link, user))) {
    return { ok: false, reason: 'ended' };
  }
  const removesFactors = read.link.details.reset === 'yes';
  return { ok: true, link: { email: user.email, name: user.name, removesFactors } };
}

export type EnrollRefusal =
  | { reason: LinkRefusal | 'busy' }
  | { reason: 'wrong_credentials'; triesLeft?: HitsLeft }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Lets someone set up their first second factor by a link, against their password, and signs them in for that: the session does
 * nothing else, and for an hour. Where an admin has asked for it, the factors that the account has are taken off first, everyone
 * is signed out, and the owner is told on every channel; the admin has to be one still. The link works once.
 */
export async function enrollByLink(
  db: Db,
  { token, password, knownBrowser }: { token: string; password: string; knownBrowser: string | null },
  context: RequestContext,
): Promise<({ ok: true } & SignedIn) | ({ ok: false } & EnrollRefusal)> {
  const { now } = context;
  const read = await readLink(db, token, ['enroll'], now);
  if (!read.ok) return read;
  const { link } = read;
  const owner = link.userId === null ? null : await findUser(db, link.userId);
  if (owner === null || owner.activatedAt === null) return { ok: false, reason: 'ended' };
  const checked = await checkPassword(db, { email: owner.email, password }, { knownBrowser }, context);
  if (!checked.ok) {
    if (checked.reason !== 'wrong_credentials') return checked;
    const details = { reason: 'wrong_credentials' };
    await recordAudit(db, { action: 'sign_in_refused', userId: owner.id, actorId: null, details }, context);
    return { ok: false, reason: 'wrong_credentials', triesLeft: checked.triesLeft };
  }
  return db.transaction(async (tx) => {
    const adminId = askedBy(link);
    await lockUsers(tx, adminId === null ? [owner.id] : [owner.id, adminId]);
    const user = await findUser(tx, owner.id);
    const isStill =
      user?.passwordHash === checked.user.passwordHash &&
      user.deactivatedAt === null &&
      (await isStillGood(tx, link, user));
    if (user === null || !isStill) return { ok: false as const, reason: 'ended' as const };
    if (!(await spendLink(tx, link.id, now))) return { ok: false as const, reason: 'used' as const };
    await endLinks(tx, user.id, { purposes: ['enroll'], now });
    if (link.details.reset === 'yes') {
      const { reason = null } = link.details;
      await resetFactors(tx, user, { actorId: adminId, details: { reason } }, context);
    }
    await recordAudit(tx, { action: 'signed_in', userId: user.id }, context);
    const enrollUntil = new Date(now.getTime() + enrollSeconds * 1000);
    return {
      ok: true as const,
      mark: issueMark(user, now),
      ...(await mintLoginGrant(tx, user.id, now, { enrollUntil })),
    };
  });
}

/** The admin who has asked that a link takes the factors off. */
function askedBy({ details: { adminId } }: EmailLink): string | null {
  return adminId && isId(adminId) ? adminId : null;
}

/**
 * Whether the email that a link went to is the account's still, or, of one that went by text, the number; and whoever asked that
 * it takes the factors off is an open admin still, as for an invitation.
 */
async function isStillGood(db: Db | Tx, link: EmailLink, user: User): Promise<boolean> {
  const { phone = null } = link.details;
  if (!hasEmailKey(user, link.emailKey)) return false;
  if (link.details.reset === 'yes') {
    const adminId = askedBy(link);
    const admin = adminId === null ? null : await findUser(db, adminId);
    if (admin === null || !isOpenAdmin(admin)) return false;
  }
  if (phone === null) return true;
  return user.phone === phone && (await readNumber(db, phone))?.holderUserId === user.id;
}
