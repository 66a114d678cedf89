import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { cookieName } from '@/lib/cookie-names';
import { emailKey } from '@/lib/accounts/email';
import { issueMark } from '@/lib/auth/sign-in/known-browser';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { findKnownBrowser } from '../../scripts/web/known-browser-form';

const email = 'ada@example.com';
const mark = issueMark({ id: newId(), emailKey: emailKey(email), passwordChangedAt: new Date() }, new Date());
const name = cookieName('known-browser', env().appUrl);

function find(fields: Record<string, string>, cookie?: string): string | null {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...(cookie && { cookie }) };
  const request = Object.assign(Readable.from([]), { method: 'POST', url: '/users/login', headers });
  const body = Buffer.from(new URLSearchParams(fields).toString());
  return findKnownBrowser(request as unknown as IncomingMessage, body);
}

test('a form is from a known browser where its cookie has a mark of the account that is named', () => {
  const cookie = `a=1; ${name}=${encodeURIComponent(mark)}`;
  const known = find({ _1_email: ' ADA@example.com ', _1_password: 'x' }, cookie);
  expect(known).toBe(`known:${mark.split('.')[0]}`);
  // Where none is named, as in the settings, any will do.
  expect(find({ currentPassword: 'x' }, cookie)).toBe(known);
  expect(find({ email: 'someone@example.com', password: 'x' }, cookie)).toBeNull();
  expect(find({ email, password: 'x' })).toBeNull();
  for (const broken of ['', '%', mark.replace(/.$/, ''), mark.replace('.', '.1')]) {
    expect(find({ email, password: 'x' }, `${name}=${broken}`)).toBeNull();
  }
  // Of two with one name the last counts, as in Next.
  expect(find({ email, password: 'x' }, `${cookie}; ${name}=x`)).toBeNull();
});
