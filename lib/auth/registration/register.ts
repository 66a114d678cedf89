import type { ConsentScope } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { refuseNewPassword } from '@/lib/accounts/new-password';
import { emailKey } from '@/lib/accounts/email';
import { hashPassword } from '@/lib/accounts/password';
import type { PasswordRefusal } from '@/lib/accounts/password-strength';
import { issuePendingToken, readPending } from '@/lib/accounts/pending';
import { findUserByEmail, hasEmailKey, insertUser, lockEmail, type User } from '@/lib/accounts/users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { lockUser } from '@/lib/accounts/lock-users';
import { recordAudit, recordOnceAnHour } from '@/lib/audit';
import { networkOf } from '@/lib/client-address';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { findConsentedPhones, grantConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { newId } from '@/lib/random';
import { requestCode } from '@/lib/sms/verification/request';
import { lockNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import { inheritActs } from '@/lib/sms/numbers/subjects';
import { logVerification } from '@/lib/sms/verification/verification-log';
import type { PhoneRefusal } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';
import { takeMailHit, type MailHit } from '@/lib/mail/mail-limits';
import { endClaims, readLink, spendLink, type LinkRefusal } from '@/lib/mail/links';
import { enqueueLinkMail, isMailOn } from '@/lib/mail/outbox';
import { canBeClosed, closeUnproven } from './close-unproven';
import { eraseAccount } from '@/lib/auth/ending/erase-account';
import { issueMark } from '@/lib/auth/sign-in/known-browser';
import { mailProof } from './prove-email';
import type { RegistrationInput } from './register-input';

export type RegisterRefusal =
  | { reason: 'email_taken' }
  /** The account at this email never proved it. Its owner was sent a link to a new one; or can be from `mailRetryAt` on. */
  | { reason: 'email_unproven'; mailRetryAt: Date | null }
  | { reason: 'claim'; why: LinkRefusal | 'other_email' }
  | { reason: 'password'; why: PasswordRefusal }
  | { reason: 'phone'; why: PhoneRefusal }
  | { reason: 'phone_missing' | 'consent_missing' }
  | { reason: 'busy' }
  | { reason: 'too_many_requests'; retryAt: Date };

/** `mark`: for the browser in which the password was chosen; the account knows it from now on. */
type Registered =
  | { ok: true; next: 'verify'; pendingToken: string; mark: string }
  | { ok: true; next: 'dashboard'; grant: string; mark: string };

/**
 * Registers an applicant.
 *
 * Someone who wants to verify their phone gets a pending account, a challenge, and a text in the outbox, all in one transaction,
 * and a pending token for the code page; everyone else an open account and a login grant. A code that may not be sent right now
 * (a limit, a STOP) is no reason to refuse the account: the code page says so and what to do.
 *
 * An email whose account is open is refused as `email_taken`, after the same work. If that account, open or pending, never
 * proved the email, its owner is sent a link to a new account instead (`email_unproven`): `claim` is that link's token. With it
 * the earlier account is closed, and nothing of it is taken over. A pending account is replaced besides by the browser that may
 * finish it (`pendingToken`, of its cookie); where mail is off, by anyone, since nobody could be sent a link.
 */
export async function register(
  db: Db,
  input: RegistrationInput,
  context: RequestContext,
  { claim = null, pendingToken = null }: { claim?: string | null; pendingToken?: string | null } = {},
): Promise<Registered | ({ ok: false } & RegisterRefusal)> {
  const coarse = await takeAddressHit(db, 'register', context.address, context.now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };

  const why = await refuseNewPassword(input.password, { email: input.email, name: input.name });
  if (why !== null) return { ok: false, reason: 'password', why };
  const wantsTexts = input.smsOptIn || input.verifyPhone;
  let phone: string | null = null;
  if (input.phone !== null) {
    const parsed = readServedPhone(input.phone);
    if (!parsed.ok) return { ok: false, reason: 'phone', why: parsed.reason };
    phone = parsed.value;
  } else if (wantsTexts) return { ok: false, reason: 'phone_missing' };
  if (wantsTexts && !input.tcpaConsent) return { ok: false, reason: 'consent_missing' };

  const claimed = claim === null ? null : await readClaim(db, claim, input.email, context.now);
  if (claimed?.ok === false) return claimed;

  const hash = await hashPassword(input.password, networkOf(context.address));
  if (!hash.ok) return { ok: false, reason: 'busy' };
  const mayMail = isMailOn()
    ? await takeMailHit(db, { email: input.email, address: context.address, now: context.now })
    : null;

  const registered = await db.transaction(async (tx) => {
    const userId = newId();
    await lockEmail(tx, input.email);
    const found = await findUserByEmail(tx, input.email);
    let earlier = null;
    let number = null;
    if (found === null) number = phone === null ? null : await lockNumber(tx, phone);
    else {
      const phones = [phone, ...(await findConsentedPhones(tx, found.id))];
      earlier = (await lockPerson(tx, found.id, phones, () => lockUser(tx, found.id))).locked;
    }
    if (claimed !== null) {
      if (!(await spendLink(tx, claimed.linkId, context.now))) {
        return { ok: false as const, reason: 'claim' as const, why: 'used' as const };
      }
      await endClaims(tx, input.email, context.now);
    }
    // None: it expired or was closed at this very moment, and the email is free.
    if (earlier !== null && hasEmailKey(earlier, emailKey(input.email))) {
      const isOwn =
        pendingToken !== null && (await readPending(tx, pendingToken, context.now))?.id === earlier.id;
      const isAllowed = { isClaimed: claimed !== null, isOwn };
      const refused = await makeWay(tx, { earlier, isAllowed, userId, mayMail }, context);
      if (refused !== null) return refused;
    }
    // Read only now: ending a pending account may have given sends of this number back.
    if (found !== null && phone !== null) number = await lockNumber(tx, phone);
    const account = { userId, input, passwordHash: hash.value, number, emailProven: claimed !== null };
    const made = await createAccount(tx, account, context);
    if (claimed === null && mayMail?.ok) await mailProof(tx, { userId, email: input.email }, context);
    return made;
  });
  const isMailed = registered.ok ? claimed === null : registered.reason === 'email_unproven';
  if (mayMail?.ok && !isMailed) await mayMail.refund();
  return registered;
}

async function readClaim(
  db: Db,
  token: string,
  email: string,
  now: Date,
): Promise<{ ok: true; linkId: string } | ({ ok: false } & Extract<RegisterRefusal, { reason: 'claim' }>)> {
  const read = await readLink(db, token, ['claim'], now);
  if (!read.ok) return { ok: false, reason: 'claim', why: read.reason };
  if (read.link.emailKey !== emailKey(email)) return { ok: false, reason: 'claim', why: 'other_email' };
  return { ok: true, linkId: read.link.id };
}

/** Ends the earlier account of the email, locked with its numbers, where that may be; else says why the email is not free. */
async function makeWay(
  tx: Tx,
  {
    earlier,
    isAllowed: { isClaimed, isOwn },
    userId,
    mayMail,
  }: {
    earlier: User;
    isAllowed: { isClaimed: boolean; isOwn: boolean };
    userId: string;
    /** Null: mail is off. */
    mayMail: MailHit | null;
  },
  context: RequestContext,
): Promise<({ ok: false } & RegisterRefusal) | null> {
  const isUnproven = canBeClosed(earlier) && earlier.deactivatedAt === null;
  const isPending = earlier.activatedAt === null;
  if (isUnproven && (isClaimed || (isPending && (isOwn || mayMail === null)))) {
    if (isPending) await replacePending(tx, { earlier, replacedBy: userId }, context);
    else await closeUnproven(tx, earlier, 'account_claimed', context);
    return null;
  }
  const reason = isUnproven && mayMail !== null ? 'email_unproven' : 'email_taken';
  await recordOnceAnHour(
    tx,
    { action: 'registration_refused', userId: earlier.id, actorId: null, details: { reason } },
    context,
  );
  if (reason === 'email_taken' || mayMail === null) return { ok: false, reason: 'email_taken' };
  if (mayMail.ok) {
    const { email } = earlier;
    await enqueueLinkMail(tx, {
      purpose: 'claim',
      template: 'claimEmail',
      userId: null,
      email,
      askedFrom: context.address,
      now: context.now,
    });
  }
  return { ok: false, reason, mailRetryAt: mayMail.ok ? null : mayMail.retryAt };
}

/** Ends a pending account, locked with its numbers, that someone registers again. */
async function replacePending(
  tx: Tx,
  { earlier, replacedBy }: { earlier: User; replacedBy: string },
  context: RequestContext,
): Promise<void> {
  const { id: userId, phone } = earlier;
  if (phone !== null) {
    await inheritActs(tx, { phone, from: userId, to: replacedBy });
    await logVerification(tx, 'replaced', { userId, phone, reason: 'registered_anew' }, context);
  }
  await eraseAccount(tx, { userId, actorId: null, why: 'account_replaced' }, context);
}

async function createAccount(
  tx: Tx,
  account: {
    userId: string;
    input: RegistrationInput;
    passwordHash: string;
    number: NumberRow | null;
    emailProven: boolean;
  },
  context: RequestContext,
): Promise<Registered> {
  const { userId, input, passwordHash, number, emailProven } = account;
  const { now } = context;
  const verify = input.verifyPhone && number !== null;
  await insertUser(tx, {
    id: userId,
    email: input.email,
    name: input.name,
    passwordHash,
    phone: number?.number ?? null,
    active: !verify,
    emailProven,
    now,
  });
  await createPreferences(tx, { userId, enabled: input.smsOptIn, timeZone: input.timeZone, now });
  if (number !== null) {
    const scopes: ConsentScope[] = [];
    if (input.verifyPhone) scopes.push('verification');
    if (input.smsOptIn) scopes.push('updates');
    await grantConsent(tx, { userId, phone: number.number, scopes, medium: 'registration' }, context);
  }
  await recordAudit(tx, { action: 'account_registered', userId, details: { verify } }, context);
  const mark = issueMark({ id: userId, emailKey: emailKey(input.email), passwordChangedAt: now }, now);
  if (!verify) return { ok: true, next: 'dashboard', mark, ...(await mintLoginGrant(tx, userId, now)) };
  await requestCode(tx, { userId, purpose: 'activate', number }, context);
  return { ok: true, next: 'verify', pendingToken: await issuePendingToken(tx, userId, now), mark };
}
