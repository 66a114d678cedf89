import { expect, test } from 'vitest';
import { sayHowLong } from '@/app/users/factor-words';

const none = { passkey: false, totp: false, sms: false };
const totp = { ...none, totp: true };

test('the page of the second step promises ten minutes, and no more than is so', () => {
  const promise = 'For the next ten minutes you are not asked again.';
  expect(sayHowLong({ role: 'applicant', factors: none })).toBe(promise);
  expect(sayHowLong({ role: 'applicant', factors: totp })).toBe(promise);
  for (const role of ['broker', 'staff', 'admin'] as const) {
    expect(sayHowLong({ role, factors: totp })).toBe(
      `${promise} Recording opt-outs is apart: of more than 30 within an hour, each takes a second step of its own.`,
    );
  }
});
