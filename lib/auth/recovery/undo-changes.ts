import type { Db, Tx } from '@/db/client';
import { emailKey } from '@/lib/accounts/email';
import { lockUsers } from '@/lib/accounts/lock-users';
import { forgetPassword } from '@/lib/accounts/stored-password';
import {
  findUser,
  findUserByEmail,
  hasEmailKey,
  lockEmail,
  markRecovered,
  releaseEmail,
  setEmail,
  setPhone,
  setSmsFactor,
  type User,
} from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endLinks, findFirstNotMe, readLink, spendLink, type LinkRefusal } from '@/lib/mail/links';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { lockPeople } from '@/lib/sms/numbers/lock-person';
import type { NumberRow } from '@/lib/sms/numbers/number';
import { endChallenge } from '@/lib/sms/verification/challenge';
import { takePhoneOff } from '@/lib/sms/verification/change-phone';
import { canBeClosed, closeUnproven } from '@/lib/auth/registration/close-unproven';
import { endAllAccess } from '@/lib/auth/sign-in/end-sessions';
import { removeFactorsSince } from '@/lib/auth/two-factor/remove-factors';

/**
 * "This was not me", said by whoever reads mail at an address that the account had when the mail went out. Everyone is signed
 * out, the password opens nothing any more, and email and number are those of the first such mail of the last seven days, which
 * may be older than the one that is followed: the same stranger may have done all of it. The email is put back, and the number, to
 * be verified again, since another may hold it. An account at that email that never proved it, or that was made since, is
 * closed: whoever took this one over may have registered it, and its owner may have proven it while looking for a way in. Second
 * factors that were added since that first mail are taken off. A link to a new password goes to that address.
 *
 * Mails to an address that the account had earlier still undo what this did: whoever changes the email and says "This was not me"
 * at the new one gains nothing. An account that was shut stays shut, and is cleared for the day on which it is opened again. Out:
 * `closed` where an account of before has taken the email by now, so that it cannot be put back: this one is shut for good.
 */
export async function undoChanges(
  db: Db,
  token: string,
  context: RequestContext,
): Promise<{ ok: true; account: 'kept' | 'closed' } | { ok: false; reason: LinkRefusal | 'closed' }> {
  const { now } = context;
  const read = await readLink(db, token, ['not_me'], now);
  if (!read.ok) return read;
  const { link } = read;
  const { userId } = link;
  if (userId === null) return { ok: false, reason: 'closed' };
  return db.transaction(async (tx) => {
    await lockEmail(tx, link.email);
    const first = (await findFirstNotMe(tx, { userId, email: link.email, now })) ?? link;
    const phone = first.details.phone ?? null;
    const rivalId = (await findRival(tx, { userId, email: link.email }))?.id;
    const people = rivalId === undefined ? [userId] : [userId, rivalId];
    const phones = [phone];
    for (const each of people) phones.push(...(await findConsentedPhones(tx, each)));
    const { numbers } = await lockPeople(tx, people, phones, () => lockUsers(tx, people));
    const locked = await findUser(tx, userId);
    if (locked === null) return { ok: false as const, reason: 'closed' as const };
    if (!(await spendLink(tx, link.id, now))) return { ok: false as const, reason: 'used' as const };
    await endAllAccess(tx, userId);
    await endLinks(tx, userId, { notMe: { olderThan: first }, now });
    await endChallenge(tx, userId, 'recovered', now);
    await forgetPassword(tx, userId, now);
    await removeFactorsSince(tx, locked, first.change);
    await recordAudit(tx, { action: 'changes_undone', userId, actorId: null }, context);
    if (!(await putEmailBack(tx, locked, { email: link.email, since: first.createdAt }, context))) {
      await closeUnproven(tx, locked, 'account_claimed', context);
      return { ok: true as const, account: 'closed' as const };
    }
    if (locked.phone !== phone) await putPhoneBack(tx, locked, { phone, numbers }, context);
    const smsSince = first.details.smsSince ?? null;
    if (smsSince !== null) await setSmsFactor(tx, userId, new Date(smsSince));
    await markRecovered(tx, userId, now);
    if (locked.deactivatedAt === null) {
      const { email } = link;
      const asked = { askedFrom: context.address, now };
      await enqueueLinkMail(tx, { purpose: 'reset', template: 'choosePassword', userId, email, ...asked });
    }
    return { ok: true as const, account: 'kept' as const };
  });
}

/** So far apart are the clocks of two web servers at the most. */
const clocksApartMs = 10 * 60_000;

/** False: an account of before these changes has the email by now. */
async function putEmailBack(
  tx: Tx,
  user: User,
  { email, since }: { email: string; since: Date },
  context: RequestContext,
): Promise<boolean> {
  if (hasEmailKey(user, emailKey(email))) return true;
  const rival = await findRival(tx, { userId: user.id, email });
  if (rival !== null) {
    const isNewer = rival.createdAt.getTime() >= since.getTime() - clocksApartMs;
    const mayGo = canBeClosed(rival) || (rival.role === 'applicant' && isNewer);
    if (rival.deactivatedAt !== null) await releaseEmail(tx, rival.id);
    else if (mayGo) await closeUnproven(tx, rival, 'account_claimed', context);
    else return false;
  }
  await setEmail(tx, user.id, email, context.now);
  return true;
}

/** The other account that has an email by now; the email is locked. */
async function findRival(tx: Tx, { userId, email }: { userId: string; email: string }): Promise<User | null> {
  const found = await findUserByEmail(tx, email);
  return found?.id === userId ? null : found;
}

async function putPhoneBack(
  tx: Tx,
  user: User,
  { phone, numbers }: { phone: string | null; numbers: Map<string, NumberRow> },
  context: RequestContext,
): Promise<void> {
  const { id: userId } = user;
  if (user.phone !== null) await takePhoneOff(tx, { userId, phone: user.phone }, numbers, context);
  await setPhone(tx, userId, phone);
}
