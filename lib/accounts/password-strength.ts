import { toNfc, toNfkc } from '@/lib/unicode';

export type PasswordStrength = 'fair' | 'good' | 'strong';

/** `breached` is only the server's to say: lib/accounts/breached-passwords.ts. */
export type PasswordRefusal = 'too_short' | 'too_long' | 'common' | 'contains_identity' | 'breached';

export const fewestCharacters = 8;
export const mostCharacters = 128;

/** Why a password may not be chosen, as the error of its field. */
export const passwordErrors: Record<PasswordRefusal, string> = {
  too_short: `This password is too short: use ${fewestCharacters} characters or more.`,
  too_long: `This password is too long: use up to ${mostCharacters} characters.`,
  common: 'This password is easy to guess, because many people use one like it. Choose another.',
  contains_identity:
    'This password is easy to guess, because it is close to the name or email of the account. Choose another.',
  breached: 'This password is easy to guess, because it was leaked from another site. Choose another.',
};

const goodCharacters = 12;
const strongCharacters = 15; // what NIST SP 800-63B-4 asks where the password is the only factor
const fewestOfOnesOwn = 4;

const softwareName = 'doorstep';
const runs = ['01234567890', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'];
const typicalEnding = /[\p{N}\p{P}\p{S}]$/u;

/**
 * Decides whether a password may be chosen, and how good its length makes it. Pure, so browser and server decide alike.
 *
 * At least 8 characters (OWASP ASVS 5.0, 6.2.1) and at most 128 (6.2.9 asks for 64 at least), counted in Unicode code points
 * of its NFC form; no rules of composition (6.2.5); none from the list of common ones (6.2.4), whatever its case and
 * whether or not digits and marks were put behind it; neither the site's name nor a word of it, in the same way; nothing that
 * is mostly the person's own email or name (6.2.11).
 *
 * @param siteName what the site is called
 * @param list `commonPasswords`; passed in, so that a browser loads it when it is needed
 */
export function assessPassword(
  password: string,
  {
    list,
    siteName,
    email,
    name,
  }: { list: ReadonlySet<string>; siteName: string; email?: string; name?: string },
): { acceptable: true; strength: PasswordStrength } | { acceptable: false; reason: PasswordRefusal } {
  const text = toNfc(password);
  const length = [...text].length;
  if (length < fewestCharacters) return { acceptable: false, reason: 'too_short' };
  if (length > mostCharacters) return { acceptable: false, reason: 'too_long' };

  const plain = toNfkc(text).toLowerCase();
  if (isCommon(plain, list) || isCommon(plain, wordsOfSite(siteName)) || isPattern(plain))
    return { acceptable: false, reason: 'common' };
  if (isMostlyIdentity(plain, email, name)) return { acceptable: false, reason: 'contains_identity' };

  const distinct = new Set(plain).size;
  if (length < goodCharacters || distinct < 6) return { acceptable: true, strength: 'fair' };
  return { acceptable: true, strength: length < strongCharacters ? 'good' : 'strong' };
}

/** A word of the list, or one with digits and marks behind it. */
function isCommon(plain: string, list: ReadonlySet<string>): boolean {
  for (let stem = plain; stem !== ''; stem = stem.replace(typicalEnding, '')) {
    if (list.has(stem)) return true;
    if (!typicalEnding.test(stem)) return false;
  }
  return false;
}

/** What the site and this software are called: the whole name, with and without its spaces and marks, and each word of it. */
function wordsOfSite(siteName: string): ReadonlySet<string> {
  const whole = toNfkc(siteName).toLowerCase();
  const words = whole.split(/[^\p{L}\p{N}]+/u);
  const telling = words.filter((word) => [...word].length >= 3);
  return new Set([softwareName, whole, whole.replace(/\s+/gu, ''), words.join(''), ...telling]);
}

/** One to four characters over and over (`abcabcabc`), or a walk along the alphabet, the digits or a row of keys. */
function isPattern(text: string): boolean {
  if (/^(.{1,4}?)\1+$/su.test(text)) return true;
  return runs.some((run) => {
    const backwards = [...run].reverse().join('');
    return run.repeat(2).includes(text) || backwards.repeat(2).includes(text);
  });
}

function isMostlyIdentity(plain: string, email = '', name = ''): boolean {
  const address = toNfkc(email).toLowerCase().trim();
  const local = address.split('@')[0] ?? '';
  const fullName = toNfkc(name).toLowerCase().trim();
  const words = [
    address,
    local,
    fullName,
    ...local.split(/[^\p{L}\p{N}]+/u),
    ...fullName.split(/[^\p{L}\p{N}]+/u),
  ];
  const telling = [...new Set(words)]
    .filter((word) => [...word].length >= 3)
    .sort((a, b) => b.length - a.length);
  let rest = plain;
  for (const word of telling) rest = rest.split(word).join('');
  if (rest === plain) return false;
  return [...rest.replace(/[\p{N}\p{P}\p{S}\s]+/gu, '')].length < fewestOfOnesOwn;
}
