import { sql, type SQL } from 'drizzle-orm';
import { toAsciiDigits } from '@/lib/phone/digits';
import { maskPhone } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';
import { seal, unseal } from '@/lib/seal';

/** Which number is looked for: exactly one (E.164), or all that end in these digits (four at least). */
export type NumberFilter = { phone: string } | { lastDigits: string };

/** The digits that everyone here is shown anyway, and so may be searched by and be in a link. */
const shownDigits = 4;
const mostDigits = 15;
/** More digits than this are kept out of links. */
const mostPlainDigits = 6;

/** What these seals are told apart by from others. */
const label = 'number-filter';

/**
 * Reads what was typed to find a number: any spelling of a whole one, or its last digits, four at least.
 * Refuses with `too_few_digits`, or with `not_a_number` when it has more than any number, or letters.
 */
export function parseNumberFilter(
  typed: string,
): { ok: true; filter: NumberFilter } | { ok: false; reason: 'too_few_digits' | 'not_a_number' } {
  const served = readServedPhone(typed);
  if (served.ok) return { ok: true, filter: { phone: served.value } };
  const ascii = toAsciiDigits(typed).replace(/\uff0b/g, '+');
  if (/\p{L}/u.test(ascii)) return { ok: false, reason: 'not_a_number' };
  const digits = ascii.replace(/[^0-9]/g, '');
  if (digits.length > mostDigits) return { ok: false, reason: 'not_a_number' };
  if (digits.length < shownDigits) return { ok: false, reason: 'too_few_digits' };
  return { ok: true, filter: /^[\s(]*\+/.test(ascii) ? { phone: `+${digits}` } : { lastDigits: digits } };
}

/** Shows what is looked for as numbers are shown, `•••4567`. */
export function maskNumberFilter(filter: NumberFilter): string {
  return maskPhone('phone' in filter ? filter.phone : filter.lastDigits);
}

/**
 * Writes a filter for a link: a few digits as they are, a whole number sealed, since links end up in histories and
 * access logs. The same number always gives the same text, so that links can be kept.
 */
export function sealNumberFilter(filter: NumberFilter): string {
  if ('lastDigits' in filter && filter.lastDigits.length <= mostPlainDigits) return filter.lastDigits;
  const plain = 'phone' in filter ? filter.phone : filter.lastDigits;
  return `n.${seal(label, plain)}`;
}

/** Reads a filter from a link; null for anything that `sealNumberFilter` did not write, under any of the secrets. */
export function openNumberFilter(text: string | undefined): NumberFilter | null {
  if (!text) return null;
  if (/^\d+$/.test(text)) {
    return text.length >= shownDigits && text.length <= mostPlainDigits ? { lastDigits: text } : null;
  }
  const plain = /^n\.[\w-]{1,80}$/.test(text) ? unseal(label, text.slice(2)) : null;
  if (plain === null) return null;
  return plain.startsWith('+') ? { phone: plain } : { lastDigits: plain };
}

/** The condition on a column of numbers; what is found by its last digits is found by an index on four of them. */
export function matchNumber(column: SQL, filter: NumberFilter): SQL {
  if ('phone' in filter) return sql`${column} = ${filter.phone}`;
  const { lastDigits } = filter;
  const indexed = sql`right(${column}, 4) = ${lastDigits.slice(-shownDigits)}`;
  return lastDigits.length === shownDigits ? indexed : sql`${indexed} and ${column} like ${`%${lastDigits}`}`;
}
