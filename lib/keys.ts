import { createHmac, hkdfSync } from 'node:crypto';

const derived = new Map<string, Buffer>();

/**
 * Derives the key for one purpose from a secret: HKDF-SHA-256 (RFC 5869) without salt, the label as its info. Different
 * labels give independent keys, so one secret can serve every purpose. The answer is the caller's own copy.
 *
 * Synchronous on purpose: WebCrypto would queue behind password hashing in libuv's threads.
 */
export function deriveKey(secret: string, label: string, bytes = 32): Buffer {
  if (secret === '' || label === '') throw new RangeError('A key needs a secret and a label');
  const slot = JSON.stringify([secret, label, bytes]);
  let key = derived.get(slot);
  if (!key) {
    key = Buffer.from(hkdfSync('sha256', secret, '', label, bytes));
    derived.set(slot, key);
  }
  return Buffer.from(key);
}

/**
 * Names something guessable (an email, an address) for a table that must not tell it: an HMAC under a key of its own.
 *
 * One name per secret, in the order of AUTH_SECRET. Write under the first, read under all of them: then a process that has
 * the secrets in another order finds what this one wrote (docs/operations.md, AUTH_SECRET).
 */
export function keyedNames(
  secrets: readonly [string, ...string[]],
  label: string,
  of: string,
): [string, ...string[]] {
  const name = (secret: string) =>
    createHmac('sha256', deriveKey(secret, label)).update(of).digest('base64url');
  const [first, ...others] = secrets;
  return [name(first), ...others.map(name)];
}
