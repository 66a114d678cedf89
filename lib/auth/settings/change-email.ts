import type { Db, Tx } from '@/db/client';
import { lockUser, lockUsers } from '@/lib/accounts/lock-users';
import { refuseStill, type RecoveredLately } from '@/lib/accounts/refuse-still';
import { unlessHeld } from '@/lib/accounts/unless-held';
import { findUser, findUserByEmail, lockEmail, setEmail } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { takeMailHit } from '@/lib/mail/mail-limits';
import {
  endLinks,
  endNotMeElsewhere,
  findFirstNotMe,
  readLink,
  spendLink,
  type LinkRefusal,
} from '@/lib/mail/links';
import { enqueueLinkMail, isMailOn } from '@/lib/mail/outbox';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { canBeClosed, closeUnproven } from '@/lib/auth/registration/close-unproven';
import { confirmIdentity, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';
import { tellOwner } from '@/lib/mail/tell-owner';
import { noticeSecurity } from '@/lib/sms/preferences/security-notice';

export type EmailChangeRefusal =
  | IdentityRefusal
  | { reason: 'mail_off' | 'same_email' }
  | { reason: 'mail_limit'; retryAt: Date }
  | RecoveredLately;

/**
 * Sends a link to the address that is to take the place of a person's, who shows who they are (`confirmIdentity`; OWASP ASVS 5.0
 * 7.5.1). Until it is followed nothing changes. Whether the address has another account is not told here: the link tells its
 * owner.
 */
export async function requestEmailChange(
  db: Db,
  person: { userId: string; sessionId: string; email: string },
  { email, currentPassword }: { email: string; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & EmailChangeRefusal)> {
  const { address, now } = context;
  if (!isMailOn()) return { ok: false, reason: 'mail_off' };
  if (email === person.email) return { ok: false, reason: 'same_email' };
  const known = await confirmIdentity(db, person, currentPassword, context);
  if (!known.ok) return known;
  const counted = await takeMailHit(db, { email, address, now });
  if (!counted.ok) return { ok: false, reason: 'mail_limit', retryAt: counted.retryAt };
  const { userId } = person;
  const request = async (tx: Tx) => {
    const refused = await refuseStill(tx, person, await lockUser(tx, userId), now);
    if (refused !== null) return { ok: false as const, ...refused };
    await endLinks(tx, userId, { purposes: ['change_email'], now });
    const link = {
      purpose: 'change_email',
      template: 'changeEmail',
      userId,
      email,
      askedFrom: address,
      now,
    } as const;
    await enqueueLinkMail(tx, link);
    await recordAudit(tx, { action: 'email_change_requested', userId }, context);
    return { ok: true as const };
  };
  const requested = await unlessHeld(() => db.transaction(request));
  if (!requested.ok) await counted.refund();
  return requested;
}

export type NewEmailRefusal =
  { reason: LinkRefusal | 'not_yours' | 'closed' | 'taken' | 'not_open' } | RecoveredLately;

/**
 * Makes the address of a link the account's, in the browser that is signed in to it: the link alone changes nothing. The former
 * address is told, and can undo it for seven days. An account at the new address that never proved it is closed; one that did
 * keeps it (`taken`). Refused as the request is by a session that is over and after a reset.
 */
export async function confirmEmailChange(
  db: Db,
  { token, signedIn }: { token: string; signedIn: { userId: string; sessionId: string } },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & NewEmailRefusal)> {
  const { now } = context;
  const read = await readLink(db, token, ['change_email'], now);
  if (!read.ok) return read;
  const { link } = read;
  const { userId, email } = link;
  if (userId === null || (await findUser(db, userId)) === null) return { ok: false, reason: 'closed' };
  if (signedIn.userId !== userId) return { ok: false, reason: 'not_yours' };
  return db.transaction(async (tx) => {
    const refuse = (reason: 'closed' | 'taken' | 'used') => ({ ok: false as const, reason });
    await lockEmail(tx, email);
    const found = await findUserByEmail(tx, email);
    const rivalId = found === null || found.id === userId ? null : found.id;
    if (rivalId === null) await lockUsers(tx, [userId]);
    else {
      const phones = await findConsentedPhones(tx, rivalId);
      await lockPerson(tx, rivalId, phones, () => lockUsers(tx, [userId, rivalId]));
    }
    const before = await findUser(tx, userId);
    if (before === null || before.deactivatedAt !== null) return refuse('closed');
    const ended = await refuseStill(tx, signedIn, before, now);
    if (ended !== null) return { ok: false as const, ...ended };
    // None: it was closed, or got another email, before we had locked it.
    const rival = rivalId === null ? null : await findUserByEmail(tx, email);
    if (rival !== null && (rival.deactivatedAt !== null || !canBeClosed(rival))) return refuse('taken');
    if (!(await spendLink(tx, link.id, now))) return refuse('used');
    if (rival !== null) await closeUnproven(tx, rival, 'account_claimed', context);
    // Back at an address that could undo the change: whoever had the account meanwhile is not to undo this one.
    const back = await findFirstNotMe(tx, { userId, email, now });
    if (back === null) await tellOwner(tx, { template: 'emailChanged', before }, context);
    else await endNotMeElsewhere(tx, back, now);
    await noticeSecurity(tx, before, 'your email was changed', now);
    await setEmail(tx, userId, email, now);
    await endLinks(tx, userId, { purposes: ['confirm', 'reset', 'change_email', 'enroll'], now });
    await recordAudit(tx, { action: 'email_changed', userId }, context);
    return { ok: true as const };
  });
}
