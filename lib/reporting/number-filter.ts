import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';
import { toAsciiDigits } from '@/lib/phone/digits';
import { maskPhone } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';

/** Which number is looked for: exactly one (E.164), or all that end in these digits (four at least). */
export type NumberFilter = { phone: string } | { lastDigits: string };

/** The digits that everyone here is shown anyway, and so may be searched by and stand in a link. */
const shownDigits = 4;
const mostDigits = 15;
/** More digits than this are kept out of links. */
const mostPlainDigits = 6;

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
  const { key, ivKey } = keysOf(env().authSecrets[0]);
  // The nonce follows from the text, so no two texts ever share one.
  const iv = createHmac('sha256', ivKey).update(plain).digest().subarray(0, 12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `n.${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')}`;
}

/** Reads a filter from a link; null for anything that `sealNumberFilter` did not write, under any of the secrets. */
export function openNumberFilter(text: string | undefined): NumberFilter | null {
  if (!text) return null;
  if (/^\d+$/.test(text)) {
    return text.length >= shownDigits && text.length <= mostPlainDigits ? { lastDigits: text } : null;
  }
  const bytes = /^n\.[\w-]{1,80}$/.test(text) ? Buffer.from(text.slice(2), 'base64url') : null;
  if (!bytes || bytes.length < 28) return null;
  for (const secret of env().authSecrets) {
    const decipher = createDecipheriv('aes-256-gcm', keysOf(secret).key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    try {
      const plain = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
      return plain.startsWith('+') ? { phone: plain } : { lastDigits: plain };
    } catch {
      // Sealed under another secret, or not by us.
    }
  }
  return null;
}

/** The condition on a column of numbers; what is found by its last digits is found by an index on four of them. */
export function matchNumber(column: SQL, filter: NumberFilter): SQL {
  if ('phone' in filter) return sql`${column} = ${filter.phone}`;
  const { lastDigits } = filter;
  const indexed = sql`right(${column}, 4) = ${lastDigits.slice(-shownDigits)}`;
  return lastDigits.length === shownDigits ? indexed : sql`${indexed} and ${column} like ${`%${lastDigits}`}`;
}

function keysOf(secret: string): { key: Buffer; ivKey: Buffer } {
  return {
    key: deriveKey(secret, 'number-filter/v1'),
    ivKey: deriveKey(secret, 'number-filter-iv/v1'),
  };
}
