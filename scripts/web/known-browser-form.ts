import type { IncomingMessage } from 'node:http';
import { databaseNow } from '@/db/clock';
import { findIssuedTag } from '@/lib/auth/sign-in/known-browser';
import { cookieName } from '@/lib/cookie-names';
import { env } from '@/lib/env';
import { findTypedEmail } from './subjects';

/**
 * By which account the browser that sends a form with a password is known, as a name for its turns: by the one whose email was
 * typed, or by any where the form asks for none. Null: by none, as far as can be told without the database.
 */
export function findKnownBrowser(request: IncomingMessage, body: Buffer): string | null {
  const name = `${cookieName('known-browser', env().appUrl)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const cookie = pairs.findLast((pair) => pair.startsWith(name))?.slice(name.length);
  if (cookie === undefined) return null;
  const tag = findIssuedTag(decode(cookie), findTypedEmail(request, body), databaseNow());
  return tag === null ? null : `known:${tag}`;
}

/** As Next writes and reads it. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return '';
  }
}
