import { createHmac, timingSafeEqual } from 'node:crypto';
import type { User } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';
import { newToken } from '@/lib/random';

/** A mark is good for 180 days after the password was last given in its browser. */
export const knownBrowserMaxAgeSeconds = 180 * 24 * 3600;

/** So many accounts may know one browser at a time: the cookie stays below 600 bytes. */
const mostMarks = 5;

/** What a mark is bound to: one account, and the password that it has right now. */
export type MarkedAccount = Pick<User, 'id' | 'emailKey' | 'passwordChangedAt'>;

/**
 * `tag.issuedAt.nonce.signature`, where `tag` tells an account's marks apart from others without naming it, and
 * `issuedAt` is in seconds, base 36. Marks follow one after the other, newest first.
 */
const markShape = /^([\w-]{8})\.([0-9a-z]{1,9})\.([\w-]{43})\.([\w-]{43})$/;
const separator = '~';

/**
 * Marks the browser in which an account's password was just given right or set (OWASP, "Slow Down Online Guessing Attacks
 * with Device Cookies"). Its nonce is new each time. Only `addMark` puts it into a cookie.
 */
export function issueMark(
  account: MarkedAccount,
  now: Date,
  [secret]: readonly [string, ...string[]] = env().authSecrets,
): string {
  const issuedAt = Math.floor(now.getTime() / 1000).toString(36);
  const nonce = newToken();
  const tag = tagOf(secret, account.emailKey);
  return [tag, issuedAt, nonce, signatureOf(secret, account, issuedAt, nonce)].join('.');
}

/** The cookie with a new mark in front. It takes the place of the same account's earlier one; the oldest of six goes. */
export function addMark(cookie: string | null, mark: string): string {
  const tag = mark.slice(0, mark.indexOf('.') + 1);
  const others = readMarks(cookie).filter((other) => !other.startsWith(tag));
  return [mark, ...others].slice(0, mostMarks).join(separator);
}

/**
 * The nonce of the mark by which an account knows this browser; null: it does not know it.
 *
 * Null for a mark that is forged, older than 180 days, of another account, of a password that was changed since, or signed
 * by a secret that is no longer in AUTH_SECRET. `account` null: nobody has this email, so nobody knows the browser.
 */
export function findMark(
  cookie: string | null,
  { emailKey, account }: { emailKey: string; account: MarkedAccount | null },
  now: Date,
  secrets: readonly string[] = env().authSecrets,
): string | null {
  const marks = readMarks(cookie).map((mark) => markShape.exec(mark)!);
  for (const secret of secrets) {
    const own = tagOf(secret, emailKey);
    for (const [, tag = '', issuedAt = '', nonce = '', signature = ''] of marks) {
      if (tag !== own || account === null) continue;
      const ageSeconds = now.getTime() / 1000 - parseInt(issuedAt, 36);
      const expected = signatureOf(secret, account, issuedAt, nonce);
      const isGenuine = timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
      if (isGenuine && ageSeconds <= knownBrowserMaxAgeSeconds) return nonce;
    }
  }
  return null;
}

function readMarks(cookie: string | null): string[] {
  return (cookie ?? '')
    .slice(0, 1000)
    .split(separator)
    .filter((mark) => markShape.test(mark))
    .slice(0, mostMarks);
}

function tagOf(secret: string, emailKey: string): string {
  return hmac(secret, 'known-browser-tag/v1', [emailKey]).slice(0, 8);
}

function signatureOf(secret: string, account: MarkedAccount, issuedAt: string, nonce: string): string {
  const { emailKey, id, passwordChangedAt } = account;
  return hmac(secret, 'known-browser/v1', [emailKey, id, passwordChangedAt.toISOString(), issuedAt, nonce]);
}

function hmac(secret: string, label: string, fields: readonly string[]): string {
  return createHmac('sha256', deriveKey(secret, label)).update(JSON.stringify(fields)).digest('base64url');
}
