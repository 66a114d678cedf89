import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey } from '@/lib/keys';
import { toAsciiDigits } from '@/lib/phone/digits';

/** What a code is bound to: it is worth nothing for another challenge, purpose or number. */
export interface CodeBinding {
  /** The challenge's own random bytes, 32 of them. */
  nonce: Uint8Array;
  challengeId: string;
  purpose: string;
  /** E.164. */
  phone: string;
}

const nonceBytes = 32;
const codeDigits = 6;

/**
 * Derives the six digits of a challenge. Codes are stored nowhere: whoever holds the secret and the challenge's row can
 * name the code again, and nobody else can.
 *
 * The first 64 bits of HMAC-SHA-256 over the length-prefixed fields, modulo 10^6; the modulo's bias is below 10^-13. The
 * nonce comes from a CSPRNG, which is what NIST SP 800-63B-4, 3.1.3 asks of a code's entropy.
 */
export function deriveCode({ secret, ...binding }: CodeBinding & { secret: string }): string {
  if (binding.nonce.length !== nonceBytes) throw new RangeError(`A nonce has ${nonceBytes} bytes`);
  const hmac = createHmac('sha256', deriveKey(secret, 'sms-code/v1'));
  for (const field of [binding.nonce, binding.challengeId, binding.purpose, binding.phone]) {
    const bytes = typeof field === 'string' ? Buffer.from(field, 'utf8') : field;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hmac.update(length).update(bytes);
  }
  const code = hmac.digest().readBigUInt64BE(0) % 10n ** BigInt(codeDigits);
  return code.toString().padStart(codeDigits, '0');
}

/**
 * Derives a challenge's code under every secret, newest first. The first is the one to send; all are accepted, so that
 * changing the secret ends nobody's open challenge.
 */
export function deriveCodes(secrets: readonly string[], binding: CodeBinding): string[] {
  return secrets.map((secret) => deriveCode({ ...binding, secret }));
}

/** Compares a code given by a person with the expected one, or with several, in a time that tells nothing about them. */
export function codeMatches(given: string, expected: string | readonly string[]): boolean {
  const candidate = Buffer.from(given, 'utf8');
  let matches = false;
  for (const code of typeof expected === 'string' ? [expected] : expected) {
    const bytes = Buffer.from(code, 'utf8');
    const same = bytes.length === candidate.length && timingSafeEqual(bytes, candidate);
    matches = same || matches;
  }
  return matches;
}

/**
 * Reads a code as a person types or pastes it: spaces and dashes anywhere, and any Unicode digits. Answers six ASCII
 * digits, or null when it is no code, which is not worth one of the tries.
 */
export function normalizeCode(raw: string): string | null {
  if (raw.length > 64) return null;
  const code = toAsciiDigits(raw).replace(/[\s\p{Cf}\p{Pd}\u2212]/gu, '');
  return /^[0-9]{6}$/.test(code) ? code : null;
}
