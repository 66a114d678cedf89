import { sayWhen } from '@/app/_format/say-when';
import type { FormState } from '@/components/forms/form-state';
import type { IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';
import type { HitsLeft } from '@/lib/rate-limits/hits';

/**
 * What to do where a second factor was not shown within ten minutes. The confirmation opens beside the form, so that what was
 * typed stays.
 */
export const askToConfirm = {
  message:
    'It has been more than ten minutes since your second step. Nothing was changed. What you typed is still here: confirm that it is you, then send it again.',
  link: { href: '/users/security/confirm', words: 'Confirm in a new tab' },
};

/** What a session answers that is too old to say which number is its person's: with a number, a password can be reset. */
export const askBeforeNumber = {
  message:
    'It has been more than ten minutes since you signed in. Confirm that it is you before you enter a number. Nothing was changed, and what you typed is still here: send it again then.',
  link: askToConfirm.link,
};

/** What a session that is over answers. */
export const sessionOver =
  'You are signed out. Nothing was changed. Sign in in another tab, then send it again.';

/** What a form of the settings answers while others change the same account. */
export const heldWords =
  'Not saved: your account is being changed by other requests right now. What you typed is still here. Please try again in a moment.';

/** Why a password that was asked for again was not taken, or what to do where a second factor is asked for instead. */
export function explainPassword(
  refusal: IdentityRefusal,
  now: Date,
  timeZone: string | null,
): Partial<FormState<'currentPassword'>> {
  switch (refusal.reason) {
    case 'wrong_password':
      return { fieldErrors: { currentPassword: sayWrongPassword(refusal.triesLeft, now, timeZone) } };
    case 'confirm_first':
      return askToConfirm;
    case 'busy':
      return { message: 'Too many requests are waiting right now. Please try again in a moment.' };
    case 'not_open':
      return { message: sessionOver };
    case 'too_many_passwords':
      return {
        message: `Too many wrong passwords. To protect your account, we ask you to try again ${sayWhen(refusal.retryAt, now, timeZone)}.`,
      };
    case 'too_many_requests':
      return {
        message: `There have been many requests from your network. Try again ${sayWhen(refusal.retryAt, now, timeZone)}.`,
      };
  }
}

function sayWrongPassword(left: HitsLeft | undefined, now: Date, timeZone: string | null): string {
  const words = 'This is not your password. Nothing was changed.';
  return left ? `${words} ${sayTriesLeft(left, now, timeZone)}` : words;
}

/** The last tries, told before the wait comes: `You have 2 tries left. After that, …`. */
export function sayTriesLeft({ count, thenAt }: HitsLeft, now: Date, timeZone: string | null): string {
  const when = sayWhen(thenAt, now, timeZone);
  if (count === 0) return `That was the last try for now. You can try again ${when}.`;
  const tries = count === 1 ? '1 try' : `${count} tries`;
  return `You have ${tries} left. After that, you can try again ${when}.`;
}

/** Whether a refusal is about who the person is. */
export function isAboutPassword(refusal: { reason: string }): refusal is IdentityRefusal {
  return [
    'wrong_password',
    'confirm_first',
    'busy',
    'not_open',
    'too_many_passwords',
    'too_many_requests',
  ].includes(refusal.reason);
}
