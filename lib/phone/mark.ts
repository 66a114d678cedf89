import { createHmac } from 'node:crypto';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';

/**
 * What takes the place of a number that was erased, so that it can still be told whether a row was about a number that
 * is known already: HMAC-SHA-256 of the E.164 number, keyed with AUTH_SECRET. Nobody finds the number without that secret.
 * A row that was marked under an earlier secret is found with that one.
 */
export function markNumber(phone: string, secret: string = env().authSecrets[0]): string {
  const mac = createHmac('sha256', deriveKey(secret, 'number-mark/v1')).update(phone);
  return mac.digest('base64url').slice(0, 27);
}
