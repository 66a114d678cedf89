import type { Db, Tx } from '@/db/client';
import { refuseNewPassword } from '@/lib/accounts/new-password';
import type { PasswordRefusal } from '@/lib/accounts/password-strength';
import { emailKey } from '@/lib/accounts/email';
import { lockUser } from '@/lib/accounts/lock-users';
import { hashPassword } from '@/lib/accounts/password';
import {
  findUser,
  findUserByEmail,
  hasEmailKey,
  markEmailProven,
  markRecovered,
  type User,
} from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { networkOf } from '@/lib/client-address';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { takeMailHit } from '@/lib/mail/mail-limits';
import { endLinks, readLink, spendLink, type EmailLink, type LinkRefusal } from '@/lib/mail/links';
import { enqueueResetMail, isMailOn } from '@/lib/mail/outbox';
import { tellOwner } from '@/lib/mail/tell-owner';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import type { NumberRow } from '@/lib/sms/numbers/number';
import { endChallenge } from '@/lib/sms/verification/challenge';
import { takePhoneOff } from '@/lib/sms/verification/change-phone';
import { replacePassword } from '@/lib/auth/settings/change-password';
import { forgetWrongPasswords } from '@/lib/auth/sign-in/check-password';
import { findMark } from '@/lib/auth/sign-in/known-browser';
import { removeFactors } from '@/lib/auth/two-factor/remove-factors';
import { reopenShut } from '@/lib/auth/two-factor/tries';

/**
 * Sends a link to an address with which whoever reads mail there can choose a new password. The answer, the limits and the
 * statements are the same whether the address has an account or not (OWASP ASVS 5.0 6.3.8): the mail of one that has none is
 * written down, too, and ends unsent.
 *
 * @param knownBrowser the browser's cookie of marks: one that the account knows has a share of mails of its own
 */
export async function requestReset(
  db: Db,
  email: string,
  context: RequestContext,
  knownBrowser: string | null = null,
): Promise<
  { ok: true } | { ok: false; reason: 'mail_off' } | { ok: false; reason: 'mail_limit'; retryAt: Date }
> {
  if (!isMailOn()) return { ok: false, reason: 'mail_off' };
  const { address, now } = context;
  const account = await findUserByEmail(db, email);
  const mark = findMark(knownBrowser, { emailKey: emailKey(email), account }, now);
  const counted = await takeMailHit(db, { email, address, knownBrowser: mark, now });
  if (!counted.ok) return { ok: false, reason: 'mail_limit', retryAt: counted.retryAt };
  await enqueueResetMail(db, { email, askedFrom: address, now });
  return { ok: true };
}

export type ResetRefusal =
  | { reason: LinkRefusal }
  | { reason: 'closed' | 'busy' | 'changed_meanwhile' }
  | { reason: 'new_password'; why: PasswordRefusal };

/**
 * Sets a new password by the link of a mail, which proves the address, too. Everything that the old password opened ends:
 * sessions, known browsers, grants, pending verifications, open codes, other links. The person is told by mail and by text, and for 72
 * hours the account keeps its email, number and data to itself (`frozenUntil`). A second factor is asked for as before, and
 * codes are heard again where too many wrong ones had shut the account to them.
 *
 * Where the address was not proven before, someone else may have made the account: an applicant's number, second factors and the
 * links under way are taken off it, so that they lead no stranger back. Out: `phoneTakenOff`, whether there was such a number.
 */
export async function resetPassword(
  db: Db,
  { token, newPassword }: { token: string; newPassword: string },
  context: RequestContext,
): Promise<{ ok: true; phoneTakenOff: boolean } | ({ ok: false } & ResetRefusal)> {
  const { now } = context;
  const read = await readLink(db, token, ['reset'], now);
  if (!read.ok) return read;
  const { link } = read;
  const user = link.userId === null ? null : await findUser(db, link.userId);
  if (user === null || user.deactivatedAt !== null) return { ok: false, reason: 'closed' };
  const { email, name } = user;
  const why = await refuseNewPassword(newPassword, { email, name });
  if (why !== null) return { ok: false, reason: 'new_password', why };
  const hash = await hashPassword(newPassword, networkOf(context.address));
  if (!hash.ok) return { ok: false, reason: 'busy' };

  return db.transaction(async (tx) => {
    const phones = await findConsentedPhones(tx, user.id);
    const { locked, numbers } = await lockPerson(tx, user.id, phones, () => lockUser(tx, user.id));
    if (locked === null || locked.deactivatedAt !== null || !hasEmailKey(locked, link.emailKey)) {
      return { ok: false as const, reason: 'closed' as const };
    }
    if (!(await spendLink(tx, link.id, now))) return { ok: false as const, reason: 'used' as const };
    const phoneTakenOff = locked.emailProvenAt === null && (await proveByReset(tx, locked, numbers, context));
    await reopenShut(tx, locked.id);
    await finishReset(tx, locked, hash.value, context, { phoneTakenOff });
    return { ok: true as const, phoneTakenOff };
  });
}

/**
 * What every reset does, in the caller's transaction, which has locked the account and used up what allowed it: a new password,
 * and the end of everything that the old one opened. It signs nobody in: sign-in stays the one place where a password is
 * checked and a second factor asked for.
 */
export async function finishReset(
  tx: Tx,
  user: User,
  newHash: string,
  context: RequestContext,
  { phoneTakenOff = false, details }: { phoneTakenOff?: boolean; details?: { reason: 'by_text' } } = {},
): Promise<void> {
  const { id: userId } = user;
  const { now } = context;
  const change = { action: 'password_reset', actorId: null, keptSession: null, details } as const;
  if (!(await replacePassword(tx, user, newHash, change, context))) {
    throw new Error('A locked password was changed by someone else');
  }
  // Whoever has changed the email resets the password at the new one: the former can still undo that.
  await endLinks(tx, userId, { notMe: 'keep', now });
  // A number that waits for its code may be a stranger's.
  await endChallenge(tx, userId, 'recovered', now);
  await markRecovered(tx, userId, now);
  await forgetWrongPasswords(tx, user.email, [context.address]);
  // Without the number that was taken off: nobody is to put that back.
  const left = await findUser(tx, userId);
  if (left !== null) {
    const event = phoneTakenOff ? ('phone_taken_off' as const) : undefined;
    await tellOwner(tx, { template: 'passwordWasReset', event, before: left }, context);
  }
}

/**
 * Whether a reset by mail takes the phone number off an account: a stranger may have put it there, as long as the email was not
 * proven. A pending account has proven nothing, and without a number it could not be finished.
 */
function losesPhone({ role, emailProvenAt, activatedAt, phone }: User): boolean {
  return role === 'applicant' && emailProvenAt === null && activatedAt !== null && phone !== null;
}

/** The same, of the account that a link to a new password is about. */
export async function readLosesPhone(db: Db, { userId }: Pick<EmailLink, 'userId'>): Promise<boolean> {
  const user = userId === null ? null : await findUser(db, userId);
  return user !== null && losesPhone(user);
}

/** Out: whether a number was taken off. */
async function proveByReset(
  tx: Tx,
  user: User,
  numbers: Map<string, NumberRow>,
  context: RequestContext,
): Promise<boolean> {
  const { id: userId, phone } = user;
  await markEmailProven(tx, userId, context.now);
  await recordAudit(tx, { action: 'email_proven', userId, actorId: null }, context);
  if (user.role !== 'applicant') return false;
  await removeFactors(tx, userId);
  if (!losesPhone(user) || phone === null) return false;
  await takePhoneOff(tx, { userId, phone }, numbers, context);
  return true;
}
