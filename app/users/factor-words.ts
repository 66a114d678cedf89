import { sayWhen } from '@/app/_format/say-when';
import type { FormState } from '@/components/forms/form-state';
import { asksSecondFactor } from '@/lib/accounts/factors';
import type { SessionUser } from '@/lib/accounts/sessions';
import type { FactorChangeRefusal } from '@/lib/auth/two-factor/change-factors';
import type { FactorRefusal } from '@/lib/auth/two-factor/prove-factor';
import type { TextRefusal } from '@/lib/auth/two-factor/sms-factor';
import type { TriesLeft } from '@/lib/auth/two-factor/tries';
import { formatPhone } from '@/lib/phone/parse';
import { isMailOn } from '@/lib/mail/outbox';
import { limits } from '@/lib/rate-limits/limits';

/** The fields in which a second factor is given. */
export type FactorField = 'code' | 'recoveryCode' | 'passkey';

const notACode = 'A code has six digits, such as 123456. It did not count as a try.';
const notARecoveryCode =
  'A recovery code has 24 letters and digits, such as 7KQ2-V0M9-3TZD-HX4R-8WPA-JB6C. It did not count as a try.';
const passkeyRefused =
  'That passkey did not work here. Try again, or use another way. If it was removed from your account, delete it on your device, too.';

/** Why a second factor was not taken, in the form for its `field`. */
export function explainFactor<Field extends FactorField>(
  refusal: FactorRefusal,
  field: Field,
  now: Date,
  timeZone: string | null,
): Partial<FormState<Field>> {
  const beside = (words: string): Partial<FormState<Field>> =>
    field === 'passkey'
      ? { message: words }
      : { fieldErrors: { [field]: words } as FormState<Field>['fieldErrors'] };
  switch (refusal.reason) {
    case 'not_a_code':
      return beside(notACode);
    case 'not_a_recovery_code':
      return beside(notARecoveryCode);
    case 'passkey_refused':
      return { message: passkeyRefused };
    case 'wrong_code':
      return beside(`${wrong[field]} ${sayIfWrong(refusal.ifWrong, now, timeZone)}`);
    case 'paused':
      return {
        message: `There were too many wrong codes in a row. To protect your account, no code works for a while. Try again ${sayWhen(refusal.retryAt, now, timeZone)}. A passkey works now, if you have one.`,
      };
    case 'shut':
      return { message: sayShut() };
    case 'too_many_requests':
      return {
        message: `There have been many requests from your network. Try again ${sayWhen(refusal.retryAt, now, timeZone)}.`,
      };
  }
}

/** Why a passkey alone did not sign in. */
export function explainPasskeySignIn(
  refusal: { reason: 'passkey_refused' | 'deactivated' } | { reason: 'too_many_requests'; retryAt: Date },
  now: Date,
): string {
  switch (refusal.reason) {
    case 'passkey_refused':
      return 'That passkey did not sign you in: it took too long, or it is no longer in your account. Try again, or use your password.';
    case 'deactivated':
      return 'This account has been closed. Nothing in it was deleted. Contact us to have it reopened.';
    case 'too_many_requests':
      return `There have been many requests from your network. Try again ${sayWhen(refusal.retryAt, now)}.`;
  }
}

/** Why a passkey was not added. */
export function explainPasskeyAdded(why: 'passkey_refused' | 'too_many'): string {
  return why === 'too_many'
    ? 'You have as many passkeys as an account can have. Remove one to add another.'
    : 'This passkey could not be added: it took too long, or your device gave none that we can check. Try again.';
}

const wrong: Record<FactorField, string> = {
  code: 'That code is not right, or was used before.',
  recoveryCode: 'That recovery code is not right, or was used before.',
  passkey: '',
};

function sayShut(): string {
  const byMail = isMailOn() ? 'reset your password by the link that we email you, ' : '';
  return `There were too many wrong codes in a row. No code opens this account now. Use a passkey, ${byMail}or ask an admin to reset your second factor.`;
}

/** What comes after a wrong code. */
function sayIfWrong(left: TriesLeft, now: Date, timeZone: string | null): string {
  if ('shut' in left) return sayShut();
  if ('pausedUntil' in left) return `You can try again ${sayWhen(left.pausedUntil, now, timeZone)}.`;
  const { triesLeft } = left;
  return triesLeft > 3
    ? 'Try the next one.'
    : `You have ${triesLeft === 1 ? '1 try' : `${triesLeft} tries`} before you have to wait.`;
}

/** For how long a second step holds: what someone records for others takes one of its own each time, where that is much. */
export function sayHowLong({ role, factors }: Pick<SessionUser, 'role' | 'factors'>): string {
  const words = 'For the next ten minutes you are not asked again.';
  if (role === 'applicant' || !asksSecondFactor(role, factors)) return words;
  const [{ limit }] = limits.toldOptOutsPerHour;
  return `${words} Recording opt-outs is apart: of more than ${limit} within an hour, each takes a second step of its own.`;
}

/** What a page says once a code by text was asked for. */
export const codeIsOnItsWay = 'A code is on its way. It works for ten minutes.';

/** Why no code was texted for signing in. */
export function explainText(refusal: TextRefusal, now: Date, timeZone: string | null): string {
  const when = refusal.retryAt === null ? '' : sayWhen(refusal.retryAt, now, timeZone);
  switch (refusal.reason) {
    case 'not_held':
      return 'This number is no longer verified for your account. Use another way.';
    case 'no_consent':
      return 'You stopped our texts, so we need your agreement before we text you a code. Check the box, then ask for the code again.';
    case 'stopped':
      return `This number replied STOP, so we cannot text it. Text START from it to ${refusal.startPhone === null ? 'the number our codes come from' : formatPhone(refusal.startPhone)}, or use another way.`;
    case 'undeliverable':
      return `Texts to this number do not arrive, your carrier says. Use another way, or try again ${when}.`;
    case 'too_soon':
      return `We have just sent one. You can send it again ${when}.`;
    case 'send_limit':
      return `We have sent several codes to this number. You can send the next one ${when}, or use another way.`;
    case 'too_many_requests':
      return `There have been many requests from your network. Try again ${when}.`;
  }
}

/** Why factors were not changed. */
export function explainChange(refusal: FactorChangeRefusal, now: Date, timeZone: string | null): string {
  switch (refusal.reason) {
    case 'confirm_first':
      return 'Confirm that it is you first, since it has been more than ten minutes. Nothing was changed.';
    case 'needs_link':
      return 'Your second factor has to be set up by a link. Sign out and sign in again to have it emailed to you, or ask an admin for one.';
    case 'not_open':
      return 'Your account was closed or changed in the meantime. Nothing was changed.';
    case 'busy':
      return 'Your account is being changed by other requests right now. Nothing was changed. Please try again in a moment.';
    case 'last_factor':
      return 'Your role has to have a second factor, so this one stays until you have added another. Nothing was changed.';
    case 'too_many_changes':
      return `You have changed your second factors many times. You can change them again ${sayWhen(refusal.retryAt, now, timeZone)}. Nothing was changed.`;
    case 'recovered_lately':
      return `Your password was reset lately. To protect your account, this can be changed ${sayWhen(refusal.retryAt, now, timeZone)}. Nothing was changed.`;
  }
}
