import type { Db } from '@/db/client';
import { commonPasswords } from '@/lib/accounts/common-passwords';
import { emailKey } from '@/lib/accounts/email';
import { readFactors } from '@/lib/accounts/factors';
import { lockUser } from '@/lib/accounts/lock-users';
import { refuseNewPassword } from '@/lib/accounts/new-password';
import { hashPassword } from '@/lib/accounts/password';
import { assessPassword, type PasswordRefusal } from '@/lib/accounts/password-strength';
import { findUser, findUserByEmail, hasEmailKey } from '@/lib/accounts/users';
import { findMark } from '@/lib/auth/sign-in/known-browser';
import { networkOf } from '@/lib/client-address';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { limitKeys, takeHits, type LimitEntry } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { takeOwnOrShared } from '@/lib/rate-limits/own-share';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { readFailures } from '@/lib/sms/numbers/number';
import { codesOf, ofRecovery } from '@/lib/sms/verification/challenge';
import { codeMatches, normalizeCode } from '@/lib/sms/verification/code';
import {
  askForRecovery,
  consumeRecovery,
  readRecovery,
  sendClassOf,
  spendRecoveryTry,
  type Recovery,
} from '@/lib/sms/verification/recovery';
import { mayRecoverByText } from '@/lib/sms/verification/send-recovery-codes';
import { finishReset } from './reset-password';

/**
 * Where mail is off: has a code sent to the phone of an account, with which the browser that asked can choose a new password.
 * The answer, the limits and the statements are the same for every email (OWASP ASVS 5.0 6.3.8): whether it has an account, and
 * one that can come back by text, is looked at later, by the dispatcher. In: `token`, of the browser's cookie, null: it has
 * none; `knownBrowser`, its cookie of marks: one that the account knows has codes and tries of its own, which no stranger spends.
 * Out: the token for that cookie, without which the code is worth nothing.
 */
export async function requestRecoveryCode(
  db: Db,
  {
    email,
    token,
    knownBrowser = null,
  }: { email: string; token: string | null; knownBrowser?: string | null },
  context: RequestContext,
): Promise<{ ok: true; token: string } | { ok: false; reason: 'send_limit'; retryAt: Date }> {
  const { now } = context;
  const name = emailKey(email);
  const network = networkOf(context.address);
  const account = await findUserByEmail(db, email);
  const mark = findMark(knownBrowser, { emailKey: name, account }, now);
  const own =
    mark === null
      ? null
      : [
          { keys: limitKeys('recovery_known_browser', [name, mark]), rules: limits.sendsPerNumber },
          { keys: limitKeys('recovery_known_browsers', [name]), rules: limits.recoveriesPerKnownBrowsers },
        ];
  const shared = [
    { keys: limitKeys('recovery_email', [name]), rules: limits.sendsPerNumber },
    {
      keys: limitKeys('recovery_email_network', [name, network]),
      rules: limits.recoveriesPerEmailAndNetwork,
    },
    { keys: limitKeys('recovery_network', [network]), rules: limits.recoveriesPerNetwork },
  ];
  const counted = await takeOwnOrShared(db, { own, shared }, now);
  if (!counted.ok) return { ok: false, reason: 'send_limit', retryAt: counted.retryAt };
  const inKnownBrowser = counted.isOwn;
  return { ok: true, ...(await askForRecovery(db, { email, token, inKnownBrowser }, context)) };
}

export type ResetByTextRefusal =
  | { reason: 'not_a_code' | 'busy' }
  /** No code is open for this browser: it ran out, was used, or its tries are spent. */
  | { reason: 'over' }
  | { reason: 'wrong_code'; triesLeft: number }
  | { reason: 'too_many_codes' | 'too_many_requests'; retryAt: Date }
  | { reason: 'new_password'; why: PasswordRefusal };

/**
 * Sets a new password by the code of a text, in the browser that asked for it (`token`, of its cookie), and does all that a
 * reset does (`finishReset`).
 *
 * Every try is counted before the code is looked at, by email and by number, and these counts outlive the code. One network has less
 * than all of them, as of the codes that are asked for, and browsers that the account knows have their own. A wrong code
 * gets the same answer after the same statements, whether a text ever went out or not; so does a right one whose account has
 * closed, moved or opted out meanwhile.
 */
export async function resetByText(
  db: Db,
  { token, code: given, newPassword }: { token: string | null; code: string; newPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & ResetByTextRefusal)> {
  const { address, now } = context;
  const code = normalizeCode(given);
  if (code === null) return { ok: false, reason: 'not_a_code' };
  const coarse = await takeAddressHit(db, 'check', address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  const recovery = token === null ? null : await readRecovery(db, token, now);
  if (recovery === null) return { ok: false, reason: 'over' };
  const why = await refuseNewPassword(newPassword, { email: recovery.email });
  if (why !== null) return { ok: false, reason: 'new_password', why };
  const network = networkOf(address);
  const counted = await takeHits(db, failuresOf(recovery, network), now);
  if (!counted.ok) return { ok: false, reason: 'too_many_codes', retryAt: counted.retryAt };
  const hash = await hashPassword(newPassword, network);
  if (!hash.ok) {
    await counted.refund();
    return { ok: false, reason: 'busy' };
  }

  const source = ofRecovery(recovery);
  if (source !== null && codeMatches(code, codesOf(source))) {
    const reset = await resetByRightCode(db, recovery, { newPassword, newHash: hash.value }, context);
    if (reset !== null) await counted.refund();
    if (reset === 'contains_identity') return { ok: false, reason: 'new_password', why: reset };
    if (reset === 'done') return { ok: true };
  }
  const spent = await spendRecoveryTry(db, recovery, context);
  if (spent === null) return { ok: false, reason: 'over' };
  return { ok: false, reason: 'wrong_code', triesLeft: Math.min(spent.triesLeft, counted.left.count) };
}

function failuresOf({ emailKey: key, inKnownBrowser }: Recovery, network: string): LimitEntry[] {
  if (inKnownBrowser) {
    return [{ keys: limitKeys('recovery_failure_known', [key]), rules: limits.failuresPerNumber }];
  }
  return [
    { keys: limitKeys('recovery_failure', [key]), rules: limits.failuresPerNumber },
    {
      keys: limitKeys('recovery_failure_network', [key, network]),
      rules: limits.recoveryFailuresPerEmailAndNetwork,
    },
  ];
}

/** Null: the code counts as wrong, because what allowed it to be sent does not hold any more. */
async function resetByRightCode(
  db: Db,
  recovery: Recovery,
  { newPassword, newHash }: { newPassword: string; newHash: string },
  context: RequestContext,
): Promise<'done' | 'contains_identity' | null> {
  const { now } = context;
  const { userId, phone } = recovery;
  const user = userId === null ? null : await findUser(db, userId);
  if (user === null || phone === null) return null;
  const { email, name } = user;
  // Only now: whoever has no right code is not to learn what the account is called.
  const known = { list: commonPasswords, siteName: env().siteName, email, name };
  if (!assessPassword(newPassword, known).acceptable) return 'contains_identity';
  return db.transaction(async (tx) => {
    const { locked, numbers } = await lockPerson(tx, user.id, [phone], () => lockUser(tx, user.id));
    const number = numbers.get(phone)!;
    const isStill = locked !== null && locked.phone === phone && hasEmailKey(locked, recovery.emailKey);
    if (!isStill) return null;
    if (!mayRecoverByText(locked, number, await readFactors(tx, locked.id), now)) return null;
    if (readFailures(number, sendClassOf(recovery), now).retryAt !== null) return null;
    if (!(await consumeRecovery(tx, recovery.id, now))) return null;
    await finishReset(tx, locked, newHash, context, { details: { reason: 'by_text' } });
    return 'done' as const;
  });
}
