import {
  parsePhoneNumberFromString,
  validatePhoneNumberLength,
  type NumberType,
} from 'libphonenumber-js/max';
import { readPhoneSpelling, type SpellingRefusal } from './spelling';
import type { Result } from '@/lib/result';

/** A phone number in E.164: `+` and 5 to 15 digits. */
export type Phone = string;

/** Why a number of this kind is never texted. */
export type KindRefusal = 'premium' | 'toll_free' | 'landline' | 'not_mobile';

export type PhoneRefusal = SpellingRefusal | 'not_valid' | 'country_not_served' | KindRefusal;

export interface PhonePolicy {
  /** ISO 3166-1 alpha-2 codes of the countries that texts may go to. */
  countries: readonly string[];
  /** Accept numbers that are merely possible, such as (555) 123-4567, because no text leaves the machine. */
  fictional: boolean;
}

/**
 * The kinds of numbers that are texted. North America does not tell mobile from fixed lines, so there it is the kind in
 * between. Everything else costs more than a text to a person should, or nobody can read it: a personal number (+1 500, +44
 * 70) is forwarded at the sender's cost, and ranges of internet, pager and company numbers are what pumping feeds on.
 */
export const textedKinds: readonly NumberType[] = ['MOBILE', 'FIXED_LINE_OR_MOBILE'];

const kindRefusals: Partial<Record<NonNullable<NumberType>, KindRefusal>> = {
  PREMIUM_RATE: 'premium',
  SHARED_COST: 'premium',
  TOLL_FREE: 'toll_free',
  FIXED_LINE: 'landline',
};

/** Twilio's own, for trying with test credentials: of a kind that is not texted, and no text to them leaves Twilio. */
const providersTestNumber = /^\+1500555000\d$/;

/**
 * Decides whether what a person typed is a phone number that may be texted, and answers its one E.164 form: every
 * spelling of a number gives the same value. Never throws.
 *
 * Loads the full numbering-plan data (about 150 KB), so it belongs on the server; the browser's friendly check is in
 * `format.ts`. Only the kinds in `textedKinds` pass. A number that belongs to no kind is not assigned to anyone,
 * so it is not valid, or fictional.
 */
export function parsePhone(
  raw: string,
  policy: PhonePolicy,
): Result<{ e164: Phone; country: string }, { reason: PhoneRefusal }> {
  const spelling = readPhoneSpelling(raw);
  if (!spelling.ok) return spelling;

  const number = parsePhoneNumberFromString(spelling.value);
  if (!number?.isPossible()) return { ok: false, reason: refuseLength(spelling.value) };

  // Countries that share a calling code are told apart by valid numbers only; a fictional one counts for any of them.
  const candidates: readonly string[] = number.country ? [number.country] : number.getPossibleCountries();
  const country = policy.countries.find((served) => candidates.includes(served));
  if (country === undefined) return { ok: false, reason: 'country_not_served' };
  const kind = number.getType();
  if (kind === undefined) {
    if (!policy.fictional) return { ok: false, reason: 'not_valid' };
  } else if (!textedKinds.includes(kind) && !providersTestNumber.test(number.number)) {
    return { ok: false, reason: kindRefusals[kind] ?? 'not_mobile' };
  }
  return { ok: true, value: { e164: number.number, country } };
}

/** Whether a number in E.164 can be anyone's, of any kind and country, by the numbering plans. */
export function isAssignable(e164: string): boolean {
  return parsePhoneNumberFromString(e164)?.isValid() ?? false;
}

function refuseLength(number: string): PhoneRefusal {
  switch (validatePhoneNumberLength(number)) {
    case 'TOO_SHORT':
      return 'too_short';
    case 'TOO_LONG':
      return 'too_long';
    default:
      return 'not_possible';
  }
}

/** Shows the last four digits only, `•••4567`: enough to recognize one's own number, too little to learn another's. */
export function maskPhone(e164: Phone): string {
  return `•••${e164.slice(-4)}`;
}

/** Writes a number for reading: `(555) 123-4567` in North America, `+44 7911 123456` elsewhere. */
export function formatPhone(e164: Phone): string {
  const number = parsePhoneNumberFromString(e164);
  if (!number) return e164;
  return number.countryCallingCode === '1' ? number.formatNational() : number.formatInternational();
}
