import type { Db, Tx } from '@/db/client';
import { emailKey } from '@/lib/accounts/email';
import { lockUser } from '@/lib/accounts/lock-users';
import { findUser, hasEmailKey, markEmailProven } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { takeMailHit } from '@/lib/mail/mail-limits';
import { endLinks, readLink, spendLink, type LinkRefusal } from '@/lib/mail/links';
import { enqueueLinkMail, isMailOn } from '@/lib/mail/outbox';
import type { HitsLeft } from '@/lib/rate-limits/hits';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { checkPassword } from '@/lib/auth/sign-in/check-password';
import { canBeClosed, closeUnproven } from './close-unproven';

/**
 * Writes the mail that asks a person to confirm their address, in the caller's transaction. The caller has counted it
 * (`takeMailHit`).
 */
export async function mailProof(
  tx: Tx,
  person: { userId: string; email: string },
  { address: askedFrom, now }: RequestContext,
): Promise<void> {
  await enqueueLinkMail(tx, { purpose: 'confirm', template: 'confirmEmail', ...person, askedFrom, now });
}

export type ProofMailRefusal =
  { reason: 'mail_off' | 'proven_already' } | { reason: 'mail_limit'; retryAt: Date };

/**
 * Sends someone signed in the link again that confirms their address. Earlier ones end: the newest mail is the one that works.
 */
export async function sendProofAgain(
  db: Db,
  userId: string,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & ProofMailRefusal)> {
  if (!isMailOn()) return { ok: false, reason: 'mail_off' };
  const user = await findUser(db, userId);
  if (user === null || user.emailProvenAt !== null) return { ok: false, reason: 'proven_already' };
  const { email } = user;
  const counted = await takeMailHit(db, { email, address: context.address, now: context.now });
  if (!counted.ok) return { ok: false, reason: 'mail_limit', retryAt: counted.retryAt };
  return db.transaction(async (tx) => {
    const locked = await lockUser(tx, userId);
    if (locked === null || locked.emailProvenAt !== null || locked.email !== email) {
      return { ok: false as const, reason: 'proven_already' as const };
    }
    await endLinks(tx, userId, { purposes: ['confirm'], now: context.now });
    await mailProof(tx, { userId, email }, context);
    return { ok: true as const };
  });
}

export type ProveEmailRefusal =
  | { reason: LinkRefusal }
  | { reason: 'not_yours' | 'closed' }
  | { reason: 'busy' }
  | { reason: 'wrong_password'; triesLeft?: HitsLeft }
  | { reason: 'too_many_passwords' | 'too_many_requests'; retryAt: Date };

/**
 * Proves that a person reads mail at their address. In: the token of the link, and what shows that the account is theirs: who
 * is signed in, or the account's password. The link alone proves nothing, because a stranger may have made the account: its
 * address's owner would lend it their name by following the link. `not_yours`: someone else is signed in and no password came.
 */
export async function proveEmail(
  db: Db,
  { token, password }: { token: string; password: string | null },
  browser: { signedIn: string | null; knownBrowser: string | null },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & ProveEmailRefusal)> {
  const { now } = context;
  const read = await readLink(db, token, ['confirm'], now);
  if (!read.ok) return read;
  const { link } = read;
  const user = link.userId === null ? null : await findUser(db, link.userId);
  if (user === null || user.deactivatedAt !== null) return { ok: false, reason: 'closed' };
  if (browser.signedIn !== user.id) {
    if (password === null) return { ok: false, reason: 'not_yours' };
    const proof = { knownBrowser: browser.knownBrowser };
    const checked = await checkPassword(db, { email: user.email, password }, proof, context);
    if (!checked.ok) {
      if (checked.reason !== 'wrong_credentials') return checked;
      return { ok: false, reason: 'wrong_password', triesLeft: checked.triesLeft };
    }
    if (checked.user.id !== user.id) return { ok: false, reason: 'closed' };
  }
  return db.transaction(async (tx) => {
    const locked = await lockUser(tx, user.id);
    if (locked === null || locked.deactivatedAt !== null || !hasEmailKey(locked, link.emailKey)) {
      return { ok: false as const, reason: 'closed' as const };
    }
    if (!(await spendLink(tx, link.id, now))) return { ok: false as const, reason: 'used' as const };
    if (locked.emailProvenAt === null) {
      await markEmailProven(tx, user.id, now);
      await recordAudit(tx, { action: 'email_proven', userId: user.id }, context);
    }
    await endLinks(tx, user.id, { purposes: ['confirm'], now });
    return { ok: true as const };
  });
}

/**
 * "I did not make this account", said by whoever reads mail at its address: closes it. `proven_already`: the address was
 * confirmed together with the account's password, so the account is its owner's.
 */
export async function disownAccount(
  db: Db,
  token: string,
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: LinkRefusal | 'proven_already' | 'closed' }> {
  const { now } = context;
  const read = await readLink(db, token, ['confirm'], now);
  if (!read.ok) return read;
  const { link } = read;
  const { userId } = link;
  if (userId === null) return { ok: false, reason: 'closed' };
  return db.transaction(async (tx) => {
    const phones = await findConsentedPhones(tx, userId);
    const { locked } = await lockPerson(tx, userId, phones, () => lockUser(tx, userId));
    if (locked === null || locked.deactivatedAt !== null) {
      return { ok: false as const, reason: 'closed' as const };
    }
    if (!canBeClosed(locked) || !hasEmailKey(locked, emailKey(link.email))) {
      return { ok: false as const, reason: 'proven_already' as const };
    }
    if (!(await spendLink(tx, link.id, now))) return { ok: false as const, reason: 'used' as const };
    await closeUnproven(tx, locked, 'account_disowned', context);
    return { ok: true as const };
  });
}
