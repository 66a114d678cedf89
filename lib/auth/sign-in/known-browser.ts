import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { User } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';

/** A mark is good for 180 days after the password was last given in its browser. */
export const knownBrowserMaxAgeSeconds = 180 * 24 * 3600;

/** So many accounts may know one browser at a time: the cookie stays below 600 bytes. */
const mostMarks = 5;

/** What a mark is bound to: one account, and the password that it has right now. */
export type MarkedAccount = Pick<User, 'id' | 'emailKey' | 'passwordChangedAt'>;

/**
 * `tag.issuedAt.nonce.signature`, where `tag` tells an account's marks apart from others without naming it, and
 * `issuedAt` is in seconds, base 36. The nonce is half random; the other half seals tag and moment with it, so that who
 * cannot ask the database knows a mark that we issued. Marks follow one after the other, newest first.
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
  const tag = tagOf(secret, account.emailKey);
  const nonce = sealedNonce(secret, { tag, issuedAt, random: randomBytes(randomBytesOfNonce) });
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

/**
 * The tag of a mark in a cookie that we issued, for who cannot ask the database: the password of an account was given right in
 * this browser within 180 days. Whether the account knows it today is not said. `emailKey` null: of whichever account. Null: there
 * is none, or it is forged.
 */
export function findIssuedTag(
  cookie: string | null,
  emailKey: string | null,
  now: Date,
  secrets: readonly string[] = env().authSecrets,
): string | null {
  const marks = readMarks(cookie).map((mark) => markShape.exec(mark)!);
  for (const secret of secrets) {
    const own = emailKey === null ? null : tagOf(secret, emailKey);
    for (const [, tag = '', issuedAt = '', nonce = ''] of marks) {
      if (own !== null && tag !== own) continue;
      const random = Buffer.from(nonce, 'base64url').subarray(0, randomBytesOfNonce);
      const expected = sealedNonce(secret, { tag, issuedAt, random });
      const isGenuine = timingSafeEqual(Buffer.from(nonce), Buffer.from(expected));
      const ageSeconds = now.getTime() / 1000 - parseInt(issuedAt, 36);
      if (isGenuine && ageSeconds <= knownBrowserMaxAgeSeconds) return tag;
    }
  }
  return null;
}

/** Of 32: the others are the seal. */
const randomBytesOfNonce = 16;

function sealedNonce(
  secret: string,
  { tag, issuedAt, random }: { tag: string; issuedAt: string; random: Buffer },
): string {
  const fields = [tag, issuedAt, random.toString('base64url')];
  const seal = Buffer.from(hmac(secret, 'known-browser-nonce/v1', fields), 'base64url');
  return Buffer.concat([random, seal.subarray(0, 32 - randomBytesOfNonce)]).toString('base64url');
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
