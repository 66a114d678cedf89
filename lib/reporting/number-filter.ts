import { sql, type SQL } from 'drizzle-orm';
import { toAsciiDigits } from '@/lib/phone/digits';
import { maskPhone } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';
import { seal, unseal } from '@/lib/seal';

/** Which number is looked for: exactly one (E.164), or all that end in these four digits. */
export type NumberFilter = { phone: string } | { lastDigits: string };

/**
 * So many digits everyone here is shown anyway, and so may search by and have in a link. By more of them, or by others, someone
 * would find out a masked number digit by digit.
 */
const shownDigits = 4;
const mostDigits = 15;

/** What these seals are told apart by from others. */
const label = 'number-filter';

/**
 * Reads what was typed to find a number: any spelling of a whole one, or its last four digits. Refuses with `too_few_digits`; with
 * `part_of_number` where there are more than four, and it is no number that we serve, nor one with its country code; or with
 * `not_a_number` when it has more than any number, or letters.
 */
export function parseNumberFilter(
  typed: string,
):
  | { ok: true; filter: NumberFilter }
  | { ok: false; reason: 'too_few_digits' | 'part_of_number' | 'not_a_number' } {
  const served = readServedPhone(typed);
  if (served.ok) return { ok: true, filter: { phone: served.value } };
  const ascii = toAsciiDigits(typed).replace(/\uff0b/g, '+');
  if (/\p{L}/u.test(ascii)) return { ok: false, reason: 'not_a_number' };
  const digits = ascii.replace(/[^0-9]/g, '');
  if (digits.length > mostDigits) return { ok: false, reason: 'not_a_number' };
  if (digits.length < shownDigits) return { ok: false, reason: 'too_few_digits' };
  if (/^[\s(]*\+/.test(ascii)) return { ok: true, filter: { phone: `+${digits}` } };
  return digits.length === shownDigits
    ? { ok: true, filter: { lastDigits: digits } }
    : { ok: false, reason: 'part_of_number' };
}

/** Shows what is looked for as numbers are shown, `•••4567`. */
export function maskNumberFilter(filter: NumberFilter): string {
  return maskPhone('phone' in filter ? filter.phone : filter.lastDigits);
}

/**
 * Writes a filter for a link: four digits as they are, a whole number sealed, since links end up in histories and
 * access logs. The same number always gives the same text, so that links can be kept.
 */
export function sealNumberFilter(filter: NumberFilter): string {
  return 'phone' in filter ? `n.${seal(label, filter.phone)}` : filter.lastDigits;
}

/** Reads a filter from a link; null for anything that `sealNumberFilter` did not write, under any of the secrets. */
export function openNumberFilter(text: string | undefined): NumberFilter | null {
  if (!text) return null;
  if (/^\d+$/.test(text)) return text.length === shownDigits ? { lastDigits: text } : null;
  const plain = /^n\.[\w-]{1,80}$/.test(text) ? unseal(label, text.slice(2)) : null;
  // An earlier version sealed more than the last four digits, too.
  return plain?.startsWith('+') ? { phone: plain } : null;
}

/** The condition on a column of numbers; what is found by its last digits is found by an index on them. */
export function matchNumber(column: SQL, filter: NumberFilter): SQL {
  return 'phone' in filter
    ? sql`${column} = ${filter.phone}`
    : sql`right(${column}, 4) = ${filter.lastDigits}`;
}
