import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sessionIdleSeconds, sessionMaxAgeSeconds } from '@/lib/accounts/sessions';

const text = readFileSync('docs/security.md', 'utf8');
const cited = [...text.matchAll(/((?:tests|e2e)\/[\w/.-]+\.(?:test|spec)\.ts) › (.+?) *(?:\||\.\n)/g)].map(
  ([, file, name]) => ({ file: file!, name: name!.trim() }),
);

test('the answers name tests to speak of', () => {
  expect(cited.length).toBeGreaterThan(25);
});

test.each(cited)('there is a test $file › $name', ({ file, name }) => {
  expect(existsSync(file)).toBe(true);
  const source = readFileSync(file, 'utf8');
  const quoted = [`'${name}'`, `"${name}"`, `\`${name}\``];
  expect(quoted.some((literal) => source.includes(literal))).toBe(true);
});

test('every requirement of levels 1 and 2 is answered, once', () => {
  const count = { 6.1: 3, 6.2: 12, 6.3: 4, 6.4: 4, 6.5: 5, 6.6: 3, 7.1: 3, 7.2: 4, 7.3: 2, 7.4: 5, 7.5: 2 };
  const answered = [...text.matchAll(/^\| (\d\.\d\.\d+) /gm)].map(([, number]) => number);
  expect(answered).toEqual(
    Object.entries(count).flatMap(([section, most]) =>
      Array.from({ length: most }, (_, index) => `${section}.${index + 1}`),
    ),
  );
});

test('the lives of sessions are those of the code', () => {
  const day = 24 * 3600;
  expect([sessionMaxAgeSeconds, sessionIdleSeconds('applicant')]).toEqual([30 * day, 14 * day]);
  expect(sessionIdleSeconds('admin')).toBe(3600);
  expect(text).toMatch(/^\| applicants .+ 30 days, 14 days idle +\|$/m);
  expect(text).toMatch(/^\| admins .+ 24 hours, 1 hour idle +\|$/m);
});
