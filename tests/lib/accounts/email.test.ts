import { expect, test } from 'vitest';
import { emailKey, writeEmail } from '@/lib/accounts/email';

test.each([
  ['  Ada@Example.com ', 'Ada@Example.com', 'ada@example.com'],
  ['mi\u212ae@example.com', 'miKe@example.com', 'mike@example.com'],
  ['e\u0301@example.com', '\u00e9@example.com', '\u00e9@example.com'],
  ['ada@example\uff0ecom', 'ada@example.com', 'ada@example.com'],
  ['ada@example\u3002com', 'ada@example.com', 'ada@example.com'],
  ['ada@example\uff61com', 'ada@example.com', 'ada@example.com'],
  ['ada@\uff25xample.com', 'ada@Example.com', 'ada@example.com'],
  // Before the @ such a letter is another mailbox.
  ['\uff41da@example.com', '\uff41da@example.com', '\uff41da@example.com'],
  ['', '', ''],
])('%j is stored as %j, and told apart as %j', (typed, written, key) => {
  expect(writeEmail(typed)).toBe(written);
  expect(emailKey(typed)).toBe(key);
});

test('whatever single letter is typed, a key of plain letters is that of an address of plain letters', () => {
  const plain = /^[\x21-\x7e]+$/;
  const letters = Array.from({ length: 0x110000 - 0x80 }, (_, n) => n + 0x80).filter(
    (point) => point < 0xd800 || point > 0xdfff,
  );
  const odd = letters
    .map((point) => `a${String.fromCodePoint(point)}b@example.com`)
    .filter((typed) => plain.test(emailKey(typed)) && !plain.test(writeEmail(typed)));
  expect(odd).toEqual([]);
});
