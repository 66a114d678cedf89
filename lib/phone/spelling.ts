import { toAsciiDigits } from './digits';
import type { Result } from '@/lib/result';

/** What can be wrong with how a number is written, before any numbering plan is asked. */
export type SpellingRefusal = 'empty' | 'not_a_number' | 'too_short' | 'too_long' | 'not_possible';

const longestSpelling = 60;
const nanpDigits = 11;
const fewestDigits = 5;
const mostDigits = 15;

/**
 * Reads a phone number as a person writes it and answers `+` and digits. Needs no numbering-plan data, so it is the part
 * that the browser and the server share.
 *
 * Understood: any Unicode digits; spaces, dashes, dots, slashes and brackets between them; `+`, `00` or `011` before a
 * country code; without one, the ten digits of a North American number (a leading 1 is the trunk prefix). Refused rather
 * than guessed at: letters (`1-800-FLOWERS`), extensions (`x12`), and two numbers in one field. The most digits a number
 * may have is E.164's fifteen.
 */
export function readPhoneSpelling(raw: string): Result<string, { reason: SpellingRefusal }> {
  const written = raw.trim();
  if (written === '') return { ok: false, reason: 'empty' };
  if (written.length > longestSpelling) return { ok: false, reason: 'not_a_number' };

  const text = toAsciiDigits(written)
    .replace(/^tel:/i, '')
    .replace(/[\uff0b\ufe62\u207a]/gu, '+')
    .replace(/[(\uff08]/gu, '(')
    .replace(/[)\uff09]/gu, ')')
    .replace(/[\s\p{Cf}\p{Pd}\u02d7\u2212\u30fc./\u00b7\u2022\u2044\u2215\u30fb\uff0e\uff0f]+/gu, ' ');
  if (!/^[( ]*\+?[0-9() ]*$/.test(text) || !/[0-9]/.test(text)) return { ok: false, reason: 'not_a_number' };

  // A trunk zero in brackets, as in +44 (0)7911 …, is meant for callers inside the country and is no part of the number.
  const hasPlus = text.includes('+');
  const digits = (hasPlus ? text.replace(/\( ?0 ?\)/, '') : text).replace(/[^0-9]/g, '');
  const international = hasPlus ? digits : /^(?:011|00)(.*)$/.exec(digits)?.[1];
  if (international !== undefined) return checkLength(international);
  return checkLength(digits.startsWith('1') ? digits : `1${digits}`);
}

function checkLength(digits: string): Result<string, { reason: SpellingRefusal }> {
  const isNanp = digits.startsWith('1');
  if (digits.length < (isNanp ? nanpDigits : fewestDigits)) return { ok: false, reason: 'too_short' };
  if (digits.length > (isNanp ? nanpDigits : mostDigits)) return { ok: false, reason: 'too_long' };
  // No North American area code begins with 0 or 1, so a further digit in front would be a guess.
  if (isNanp && /^1[01]/.test(digits)) return { ok: false, reason: 'not_possible' };
  return { ok: true, value: `+${digits}` };
}
