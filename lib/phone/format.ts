import { AsYouType, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { readPhoneSpelling } from './spelling';
import { toAsciiDigits } from './digits';

/**
 * Formats what is in a phone field so far: `5551234` becomes `(555) 123-4`, `5551234567` becomes `(555) 123-4567`.
 * Text that it cannot read stays as it is, and so does text from which a person has just deleted a bracket or dash:
 * putting that back would make the backspace key useless.
 *
 * For the browser: load it on first focus (`await import(…)`), since it brings the smaller numbering-plan data along.
 */
export function formatAsYouType(raw: string): string {
  const typed = toAsciiDigits(raw).replace(/\uff0b/g, '+');
  if (typed.length > 30 || !/^[\s(]*\+?[-\s().0-9]*$/.test(typed)) return raw;
  const characters = typed.replace(/[^+0-9]/g, '');
  if (characters.startsWith('0')) return typed;
  const formatted = new AsYouType('US').input(characters);
  if (formatted.replace(/[^+0-9]/g, '') !== characters) return typed;
  return formatted.startsWith(typed.trimEnd()) ? typed : formatted;
}

/** The numbers that this installation texts, as far as a browser can tell: their calling codes, and what to say of others. */
export type ServedNumbers = { callingCodes: readonly string[]; refusal: string };

/**
 * Tells whether a text begins as a number of one of these calling codes does. Countries that share one (the US, Canada, Jamaica)
 * only the server tells apart. True for what is no number.
 */
export function hasServedCode(raw: string, { callingCodes }: ServedNumbers): boolean {
  const spelling = readPhoneSpelling(raw);
  // No calling code begins with another.
  return !spelling.ok || callingCodes.some((code) => spelling.value.startsWith(`+${code}`));
}

/**
 * Tells whether a text could be a phone number, for a friendly word before the form is sent. The server decides again with
 * `parsePhone`, which knows more: which countries are served, and which numbers are assigned.
 */
export function looksLikePhone(raw: string): boolean {
  const spelling = readPhoneSpelling(raw);
  return spelling.ok && parsePhoneNumberFromString(spelling.value)?.isPossible() === true;
}
