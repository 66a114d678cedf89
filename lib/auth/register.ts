import type { ConsentScope } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { commonPasswords } from '@/lib/accounts/common-passwords';
import { emailKey } from '@/lib/accounts/email';
import { hashPassword } from '@/lib/accounts/password';
import { assessPassword, type PasswordRefusal } from '@/lib/accounts/password-strength';
import { issuePendingToken } from '@/lib/accounts/pending';
import { findUserByEmail, insertUser, lockEmail, type User } from '@/lib/accounts/users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { lockUser } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import { networkOf } from '@/lib/client-address';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { findConsentedPhones, grantConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { newId } from '@/lib/random';
import { requestCode } from '@/lib/sms/verification/request';
import { lockNumber, lockNumbers, type NumberRow } from '@/lib/sms/numbers/number';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import { inheritActs } from '@/lib/sms/numbers/subjects';
import { logVerification } from '@/lib/sms/verification/log';
import type { PhoneRefusal } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';
import { eraseAccount } from './erase-account';
import { issueMark } from './known-browser';
import type { RegistrationInput } from './register-input';

export type RegisterRefusal =
  | { reason: 'email_taken' }
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
 * Who asks for verification gets a pending account, a challenge, and a text in the outbox, all in one transaction, and a
 * pending token for the code page; everyone else an open account and a login grant. A code that may not be sent right now
 * (a limit, a STOP) is no reason to refuse the account: the code page says so and what to do.
 *
 * An email whose account is still pending is registered again and nothing of the old account is taken over. One whose
 * account is open is refused as `email_taken`, after the same work: without proof of the email this cannot be hidden.
 */
export async function register(
  db: Db,
  input: RegistrationInput,
  context: RequestContext,
): Promise<Registered | ({ ok: false } & RegisterRefusal)> {
  const coarse = await takeAddressHit(db, 'register', context.address, context.now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };

  const strength = assessPassword(input.password, {
    list: commonPasswords,
    email: input.email,
    name: input.name,
  });
  if (!strength.acceptable) return { ok: false, reason: 'password', why: strength.reason };
  const wantsTexts = input.smsOptIn || input.verifyPhone;
  let phone: string | null = null;
  if (input.phone !== null) {
    const parsed = readServedPhone(input.phone);
    if (!parsed.ok) return { ok: false, reason: 'phone', why: parsed.reason };
    phone = parsed.value;
  } else if (wantsTexts) return { ok: false, reason: 'phone_missing' };
  if (wantsTexts && !input.tcpaConsent) return { ok: false, reason: 'consent_missing' };

  const hash = await hashPassword(input.password, networkOf(context.address));
  if (!hash.ok) return { ok: false, reason: 'busy' };

  return db.transaction(async (tx) => {
    const userId = newId();
    await lockEmail(tx, input.email);
    const found = await findUserByEmail(tx, input.email);
    let earlier = null;
    if (found === null) await lockNumbers(tx, [phone]);
    else {
      const phones = [phone, ...(await findConsentedPhones(tx, found.id))];
      earlier = (await lockPerson(tx, found.id, phones, () => lockUser(tx, found.id))).locked;
    }
    // None: it expired at this very moment, and the email is free.
    if (earlier !== null) {
      const replaced = earlier.activatedAt === null && earlier.role === 'applicant';
      if (replaced) await replacePending(tx, { earlier, replacedBy: userId }, context);
      if (!replaced) {
        await recordAudit(
          tx,
          {
            action: 'registration_refused',
            userId: earlier.id,
            actorId: null,
            details: { reason: 'email_taken' },
          },
          context,
        );
        return { ok: false as const, reason: 'email_taken' as const };
      }
    }
    // Read again: ending a pending account may have given sends of this number back.
    const number = phone === null ? null : await lockNumber(tx, phone);
    return createAccount(tx, { userId, input, passwordHash: hash.value, number }, context);
  });
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
  account: { userId: string; input: RegistrationInput; passwordHash: string; number: NumberRow | null },
  context: RequestContext,
): Promise<Registered> {
  const { userId, input, passwordHash, number } = account;
  const { now } = context;
  const verify = input.verifyPhone && number !== null;
  await insertUser(tx, {
    id: userId,
    email: input.email,
    name: input.name,
    passwordHash,
    phone: number?.number ?? null,
    active: !verify,
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
