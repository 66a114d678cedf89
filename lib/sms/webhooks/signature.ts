import { getExpectedTwilioSignature, validateRequest } from 'twilio/lib/webhooks/webhooks';

/** A form's fields; a name that comes more than once keeps all its values. */
export type FormParams = Record<string, string | string[]>;

/**
 * Whether a webhook call was signed with one of these tokens: base64 of HMAC-SHA1 over the full public URL and the sorted
 * fields (twilio.com/docs/usage/security#validating-requests). `url` is the public address with path and query exactly as
 * they were called. An empty token or a missing signature never verifies.
 */
export function verifySignature({
  tokens,
  signature,
  url,
  params,
}: {
  tokens: readonly string[];
  signature: string | null;
  url: string;
  params: FormParams;
}): boolean {
  if (signature === null || signature === '') return false;
  return tokens.some((token) => token.trim() !== '' && validateRequest(token, signature, url, params));
}

/** Signs a call as Twilio would, for the development phone. */
export function signCall(token: string, url: string, params: FormParams): string {
  if (token.trim() === '') throw new RangeError('A signature needs a token');
  return getExpectedTwilioSignature(token, url, params);
}
