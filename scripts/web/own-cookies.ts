import { cookieName, cookies } from '@/lib/cookie-names';

/** Next's own, of its hot reload. */
const ofNext = '__next_hmr_refresh_hash__';

/**
 * The Cookie header with our own cookies only; undefined: there is none. What else a client sends means nothing here, and
 * reading it can be dear: Auth.js takes all whose names begin with the session's for parts of it, and clears each
 * (450 of them took 140 ms of the one event loop).
 */
export function keepOwnCookies(header: string | undefined, appUrl: URL): string | undefined {
  if (header === undefined) return undefined;
  const names = new Set([ofNext, ...cookies.map((cookie) => cookieName(cookie, appUrl))]);
  const kept = new Map<string, string>();
  for (const pair of header.split(';')) {
    const name = pair.slice(0, pair.indexOf('=')).trim();
    // Of several with one name the last counts, as in Next.
    if (names.has(name)) kept.set(name, pair.trim());
  }
  return kept.size === 0 ? undefined : [...kept.values()].join('; ');
}
