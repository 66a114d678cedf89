/** Every cookie of ours, without its prefix. */
export const cookies = [
  'session',
  'callback-url',
  'pending',
  'known-browser',
  'trusted-device',
  'recovery',
] as const;

/**
 * The name that a cookie of ours has in the browser: over https one that no other host and no subdomain can set (RFC 6265bis).
 */
export function cookieName(cookie: (typeof cookies)[number], appUrl: URL): string {
  return `${appUrl.protocol === 'https:' ? '__Host-' : ''}doorstep-${cookie}`;
}
