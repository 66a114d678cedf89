import { hkdfSync } from 'node:crypto';

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
