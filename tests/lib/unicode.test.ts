import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { emailKey } from '@/lib/accounts/email';
import { assessPassword } from '@/lib/accounts/password-strength';
import { readRegistration } from '@/lib/auth/registration/register-input';
import { parsePeopleSearch } from '@/lib/reporting/people';
import { mostNormalized, toNfc, toNfkc } from '@/lib/unicode';

afterEach(() => vi.restoreAllMocks());

/** Marks in the order that takes longest to put right. */
const marks = `a${'\u0301'.repeat(8_000)}${'\u0316'.repeat(8_000)}`;

test('what is short is normalized, what is long is left as it is', () => {
  expect([toNfc('e\u0301'), toNfkc('\uff41')]).toEqual(['\u00e9', 'a']);
  expect([toNfc(marks), toNfkc(marks)]).toEqual([marks, marks]);
});

test('nothing that a stranger sends is normalized before its length is known', () => {
  const normalize = vi.spyOn(String.prototype, 'normalize');
  const form = { email: `${marks}@example.com`, name: marks, password: marks, phone: marks };
  expect(readRegistration(Object.entries(form))).toMatchObject({ ok: false });
  expect(readRegistration(Object.entries({ ...form, email: `a@${marks}.com` }))).toMatchObject({ ok: false });
  emailKey(`${marks}@example.com`);
  emailKey(`a@${marks}.com`);
  expect(assessPassword(marks, { list: new Set(), siteName: 'x' })).toMatchObject({ reason: 'too_long' });
  expect(parsePeopleSearch(marks)).toEqual({ ok: false, reason: 'too_long' });
  expect(normalize.mock.contexts.every((text) => String(text).length <= mostNormalized)).toBe(true);
});

test('texts are normalized in one place, but for those that are cut to their length before', () => {
  const cut = ['lib/consent/keywords.ts', 'lib/sms/outbox/segments.ts', 'components/forms/code/CodeForm.tsx'];
  const found = ['lib', 'app', 'components', 'scripts'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((file) => /\.tsx?$/.test(file) && /\.normalize\('NFK?[CD]'\)/.test(readFileSync(file, 'utf8'))),
  );
  expect(found.sort()).toEqual([...cut, 'lib/unicode.ts'].sort());
});
