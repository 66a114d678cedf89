import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safePath } from '@/app/_forms/safe-path';

test.each([
  '//evil.example',
  '/\\evil.example',
  '/.//evil.example',
  '/x/..//evil.example',
  '/%2e%2e//evil.example',
  '/users/../..//evil.example/path?x=1',
  'https://evil.example',
  'javascript:alert(1)',
  '/a\nb',
  '',
  undefined,
  ['/users/security'],
])('%j leads to the dashboard', (next) => {
  expect(safePath(next)).toBe('/dashboard');
});

test.each(['/users/security', '/users/sms-preferences#phone', '/admin/sms?status=failed'])(
  '%s is kept',
  (next) => {
    expect(safePath(next)).toBe(next.split('#')[0]);
  },
);

test('no string leads to another host', () => {
  const pieces = fc.array(
    fc.constantFrom('/', '.', '..', '%2e', '\\', '@', 'evil.example', '?', '#', ':', 'a'),
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const path = safePath(`/${parts.join('')}`);
      expect(new URL(path, 'https://portal.example').origin).toBe('https://portal.example');
      expect(path.startsWith('//')).toBe(false);
    }),
  );
});
