import { expect, test } from 'vitest';
import { readRegistration } from '@/lib/auth/registration/register-input';
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
  // Signs that would become an @, a comma or a bracket stay what they are.
  ['ada@a\ufe6bexample.com', 'ada@a\ufe6bexample.com', 'ada@a\ufe6bexample.com'],
  ['ada@a\uff0c\u2474.com', 'ada@a\uff0c\u2474.com', 'ada@a\uff0c\u2474.com'],
  // Both spellings of an internationalized domain; some browsers send the second for the first.
  ['Ada@b\u00fccher.example', 'Ada@b\u00fccher.example', 'ada@xn--bcher-kva.example'],
  ['ada@XN--bcher-KVA.example', 'ada@XN--bcher-KVA.example', 'ada@xn--bcher-kva.example'],
  ['ada@B\u00dcCHER\uff0eExample', 'ada@b\u00fccher.example', 'ada@xn--bcher-kva.example'],
  ['ada@bu\u0308cher\u3002example', 'ada@b\u00fccher.example', 'ada@xn--bcher-kva.example'],
  [
    'ada@b\u00fccher.fa\u00df.example',
    'ada@b\u00fccher.fa\u00df.example',
    'ada@xn--bcher-kva.xn--fa-hia.example',
  ],
  // What is no domain stays what it is.
  ['ada@b\u00fc\u00adcher.example', 'ada@b\u00fc\u00adcher.example', 'ada@b\u00fc\u00adcher.example'],
  ['ada@b\u00fc:80.example', 'ada@b\u00fc:80.example', 'ada@b\u00fc:80.example'],
  ['ada@xn--\u00fc.example', 'ada@xn--\u00fc.example', 'ada@xn--\u00fc.example'],
  ['', '', ''],
])('%j is stored as %j, and told apart as %j', (typed, written, key) => {
  expect(writeEmail(typed)).toBe(written);
  expect(emailKey(typed)).toBe(key);
});

const letters = Array.from({ length: 0x110000 - 0x80 }, (_, n) => n + 0x80).filter(
  (point) => point < 0xd800 || point > 0xdfff,
);

test('whatever single letter is typed, a key of plain letters is that of an address of plain letters', () => {
  const plain = /^[\x21-\x7e]+$/;
  const odd = letters
    .map((point) => `a${String.fromCodePoint(point)}b@example.com`)
    .filter((typed) => plain.test(emailKey(typed)) && !plain.test(writeEmail(typed)));
  expect(odd).toEqual([]);
});

test('no two domains that are mailed apart have one key', () => {
  const written = new Map<string, string>();
  for (const point of letters.filter((each) => each < 0x20000)) {
    const email = `a@b${String.fromCodePoint(point)}c.example`;
    const small = writeEmail(email).toLowerCase().normalize('NFC');
    const key = emailKey(email);
    expect(written.get(key) ?? small).toBe(small);
    written.set(key, small);
  }
});

test('a sign that means something in an address is refused, also where it comes of another', () => {
  const good = { name: 'Ada', password: 'violet otter cactus' };
  const made = letters.filter((point) => {
    const sign = String.fromCodePoint(point);
    return /[\s@,;:<>()[\]\\"]/.test(writeEmail(`a@b${sign}c.example`).slice(2).replaceAll(sign, ''));
  });
  expect(made.length).toBeGreaterThan(0);
  for (const point of made) {
    for (const email of ['a?@example.com', 'a@b?c.example']) {
      const typed = { ...good, email: email.replace('?', String.fromCodePoint(point)) };
      expect(readRegistration(Object.entries(typed))).toMatchObject({ ok: false });
    }
  }
});
