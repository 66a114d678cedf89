import { getCountryCallingCode } from 'libphonenumber-js/min';
import { env } from '@/lib/env';
import type { ServedNumbers } from '@/lib/phone/format';
import type { PhoneRefusal } from '@/lib/phone/parse';
import type { TooManyChanges } from '@/lib/rate-limits/by-account';
import type { Doubt } from '@/lib/sms/numbers/doubt';
import type { SendCodeRefusal } from '@/lib/sms/verification/send-code';
import { lookUp } from './look-up';
import { sayCalendarDay } from './say-moment';
import { sayWhen } from './say-when';

/** More countries than these are too many to read beside a field. */
const listedCountries = 6;

const adjectives: Readonly<Record<string, string>> = { US: 'US', CA: 'Canadian', 'US,CA': 'US and Canadian' };

/** Whose numbers texts go to (`SMS_COUNTRIES`), as a sentence; null: too many countries to name. */
export function sayServed(): string | null {
  const { smsCountries } = env();
  const adjective = lookUp(
    adjectives,
    ['US', 'CA'].filter((each) => smsCountries.includes(each as 'US')).join(),
  );
  if (adjective !== undefined && smsCountries.every((country) => country === 'US' || country === 'CA')) {
    return `${adjective} numbers only.`;
  }
  if (smsCountries.length > listedCountries) return null;
  const names = new Intl.DisplayNames('en', { type: 'region' });
  const listed = new Intl.ListFormat('en').format(
    smsCountries.map((country) => names.of(country) ?? country),
  );
  return `Numbers from these countries only: ${listed}.`;
}

/** What a browser is told of `SMS_COUNTRIES`, to say at once what the server would. */
export function readServedNumbers(): ServedNumbers {
  return {
    callingCodes: [...new Set(env().smsCountries.map((country) => String(getCountryCallingCode(country))))],
    refusal: sayPhoneRefusal('country_not_served'),
  };
}

/** Which numbers a field takes, and how to enter one from elsewhere; undefined where there is nothing to say. */
export function sayPhoneHint(): string | undefined {
  const isAbroad = env().smsCountries.some((country) => getCountryCallingCode(country) !== '1');
  const spelling = isAbroad ? 'Outside the US and Canada, start with + and the country code.' : null;
  return [sayServed(), spelling].filter(Boolean).join(' ') || undefined;
}

/** Why a number cannot be taken, and what to do. */
export function sayPhoneRefusal(reason: PhoneRefusal): string {
  const served = reason === 'country_not_served' ? sayServed() : null;
  return served === null ? phoneWords[reason] : `${phoneWords[reason]} ${served}`;
}

/** Why a number that is verified has to be verified again. */
export function sayDoubt(doubt: Doubt): string {
  return doubt.reason === 'out_of_service'
    ? `The carrier reported this number as taken out of service on ${sayCalendarDay(doubt.on)}.`
    : 'Our texts did not reach anyone at this number on three days.';
}

const phoneWords: Record<PhoneRefusal, string> = {
  empty: 'Enter your phone number.',
  not_a_number:
    'This is not a phone number. Enter one number, such as (555) 123-4567, without letters or an extension.',
  too_short: 'This phone number is too short. Check that no digit is missing.',
  too_long: 'This phone number is too long. Enter one number only, without an extension.',
  not_possible:
    'This is not a possible phone number. Check the digits. Numbers outside the US and Canada start with +.',
  not_valid: 'This phone number is not valid. Check the digits.',
  country_not_served: 'We cannot text numbers in this country. Use another number, or leave the phone out.',
  premium: 'We cannot text premium-rate numbers. Use a mobile number.',
  toll_free: 'We cannot text toll-free numbers. Use a mobile number.',
  landline: 'This is the number of a landline, which cannot receive texts. Use a mobile number.',
  not_mobile: 'We cannot text this kind of number. Use a mobile number.',
};

/** Why no code went out, and when or how the next can. */
export const sendWords: Record<
  SendCodeRefusal['reason'] | TooManyChanges['reason'] | 'recovered_lately' | 'not_open',
  (retryAt: string) => string
> = {
  stopped: () =>
    'This number has opted out of our texts. Text START to turn them back on, or use another number.',
  undeliverable: (retryAt) =>
    `The carrier says this number cannot receive texts. Use another number, or try this one again ${retryAt}.`,
  number_locked: (retryAt) =>
    `Too many wrong codes were entered for this number. To protect your account, you can try again ${retryAt}.`,
  too_soon: (retryAt) => `A text was just sent. You can send the code again ${retryAt}.`,
  send_limit: (retryAt) =>
    `This number has reached its limit for codes. You can send the next one ${retryAt}.`,
  network_asked: (retryAt) =>
    `Other people on your network asked for codes to this number. You can ask for one ${retryAt}, or continue without verifying it.`,
  range_closed: (retryAt) =>
    `We cannot text new numbers in this range right now. You can continue without verifying. Nothing was sent or counted. You can also use another number, or try again ${retryAt}.`,
  network_closed: (retryAt) =>
    `We cannot text new numbers from your network right now. You can continue without verifying. Nothing was sent or counted. You can also try again ${retryAt}, or from another network.`,
  crowded: (retryAt) =>
    `Very many people are asking for codes right now, so yours would come too late. Nothing was sent or counted. Send the code again ${retryAt}, or continue without verifying.`,
  consent_missing: () =>
    'We need your agreement to text this number first. Enter it below and check the box.',
  changed_meanwhile: () =>
    'Something changed in another tab in the meantime. Nothing was sent. Take another look at this page.',
  not_open: () => 'You are signed out. Sign in in another tab, then send it again.',
  too_many_changes: (retryAt) =>
    `You have changed your number many times. You can change it again ${retryAt}.`,
  too_many_requests: (retryAt) => `There have been many requests from your network. Try again ${retryAt}.`,
  recovered_lately: (when) =>
    `Your password was reset lately. To protect your account, the number can be changed ${when}.`,
  many_numbers: (retryAt) =>
    `You have entered many numbers today, so this one was not taken. You can enter another one ${retryAt}.`,
};

/** The same where others have a part in it. */
const othersWords: Partial<typeof sendWords> = {
  number_locked: (retryAt) =>
    `Other people asked for codes to this number and entered wrong ones. You can try again ${retryAt}, or continue without verifying it.`,
  send_limit: (retryAt) =>
    `Other people asked for codes to this number, so it has reached its limit. You can send the next one ${retryAt}, or continue without verifying it.`,
};

export function saySendRefusal(
  {
    reason,
    retryAt,
    byOthers = false,
  }: { reason: keyof typeof sendWords; retryAt: Date | null; byOthers?: boolean },
  now: Date,
  timeZone: string | null = null,
): string {
  const say = (byOthers && othersWords[reason]) || sendWords[reason];
  return say(retryAt ? sayWhen(retryAt, now, timeZone) : 'later');
}
