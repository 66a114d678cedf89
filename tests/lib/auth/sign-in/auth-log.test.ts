import { expect, test } from 'vitest';
import { makeAuthLog, nameAuthError } from '@/lib/auth/sign-in/auth-log';
import { openLog } from '@/lib/log';
import { after, noon } from '@/tests/support/people';

function listen() {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line.replace(/^\S+ /, ''));
  const note = makeAuthLog(() => openLog({ level: 'info', write }));
  return { lines, note: (error: Error, now: Date) => note(nameAuthError(error), now) };
}

const named = (type: string) => Object.assign(new Error('x'), { name: 'x', type });

test('ten thousand bad cookies write a line a minute, which says how many there were', () => {
  const { lines, note } = listen();
  for (let i = 0; i < 10_000; i += 1) note(named('JWTSessionError'), after(noon, i / 100));
  expect(lines).toEqual([
    'warn session_cookie_unreadable times=1',
    'warn session_cookie_unreadable times=6000',
  ]);
});

test('an error of another kind is not hidden by them, and a clock that is set back does not flood', () => {
  const { lines, note } = listen();
  note(named('JWTSessionError'), noon);
  note(named('InvalidCallbackUrl'), noon);
  note(new TypeError('secret value'), noon);
  for (let i = 0; i < 50; i += 1) note(named('JWTSessionError'), after(noon, -i));
  expect(lines).toEqual([
    'warn session_cookie_unreadable times=1',
    'warn auth_failed kind=InvalidCallbackUrl times=1',
    'warn auth_failed kind=other times=1',
  ]);
});
