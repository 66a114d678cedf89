import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeMatches, deriveCode, deriveCodes, normalizeCode } from '@/lib/sms/verification/code';

const secret = 'correct horse battery staple, thirty-two';
const binding = {
  nonce: Uint8Array.from({ length: 32 }, (_, index) => index),
  challengeId: '0b6f2f0e-5f6e-4a3c-9d59-0f5f6a1f7a11',
  purpose: 'activate',
  phone: '+15551234567',
};

describe('deriving a code', () => {
  it('gives what another implementation of the same construction gives', () => {
    expect(deriveCode({ ...binding, secret })).toBe('529762');
    expect(
      deriveCode({
        ...binding,
        secret: 'ß'.repeat(20),
        nonce: new Uint8Array(32).fill(255),
        purpose: 'sign_in',
        phone: '+447911123456',
      }),
    ).toBe('364280');
  });

  it('keeps leading zeros', () => {
    const nonce = Buffer.from((24).toString(16).padStart(64, '0'), 'hex');
    expect(deriveCode({ ...binding, secret, nonce })).toBe('000301');
  });

  it('is bound to every field: changing any one changes the code, but for chance', () => {
    const change = fc.record({
      nonce: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      challengeId: fc.uuid(),
      purpose: fc.constantFrom('prove', 'sign_in', 'second_factor'),
      phone: fc.integer({ min: 2000000000, max: 9999999999 }).map((number) => `+1${number}`),
      secret: fc.string({ minLength: 32 }),
    });
    const own = deriveCode({ ...binding, secret });
    const same = { nonce: 0, challengeId: 0, purpose: 0, phone: 0, secret: 0 };
    const seen = new Set<string>();
    fc.assert(
      fc.property(change, (other) => {
        for (const field of Object.keys(same) as (keyof typeof same)[]) {
          const code = deriveCode({ ...binding, secret, [field]: other[field] });
          seen.add(code);
          if (code === own) same[field] += 1;
        }
      }),
    );
    expect(Math.max(...Object.values(same))).toBeLessThan(5);
    expect(seen.size).toBeGreaterThan(100);
  });

  it('keeps fields apart: moving a character from one to the next changes the code', () => {
    const moved = { ...binding, challengeId: `${binding.challengeId}a`, purpose: 'ctivate' };
    expect(deriveCode({ ...moved, secret })).not.toBe(deriveCode({ ...binding, secret }));
  });

  it('spreads codes evenly over all six digits', () => {
    const counts = Array.from({ length: 6 }, () => new Array<number>(10).fill(0));
    const samples = 20_000;
    for (let sample = 0; sample < samples; sample += 1) {
      const code = deriveCode({
        ...binding,
        secret,
        nonce: Buffer.from(sample.toString(16).padStart(64, '0'), 'hex'),
      });
      [...code].forEach((digit, place) => (counts[place]![Number(digit)]! += 1));
    }
    for (const place of counts) {
      const expected = samples / 10;
      const chiSquare = place.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      expect(chiSquare).toBeLessThan(33.7); // 9 degrees of freedom, p = 0.0001
    }
  });

  it('refuses a nonce that is not 32 bytes', () => {
    expect(() => deriveCode({ ...binding, secret, nonce: randomBytes(16) })).toThrow(RangeError);
  });

  it('gives the code of the newest secret first and those of the older ones too', () => {
    const codes = deriveCodes(['newer secret, thirty-two bytes long', secret], binding);
    expect(codes).toEqual([
      deriveCode({ ...binding, secret: 'newer secret, thirty-two bytes long' }),
      deriveCode({ ...binding, secret }),
    ]);
  });
});

describe('comparing codes', () => {
  it('accepts the expected code, or any one of several, and nothing else', () => {
    expect(codeMatches('012345', '012345')).toBe(true);
    expect(codeMatches('012345', ['999999', '012345'])).toBe(true);
    expect(codeMatches('012345', ['012345', '999999'])).toBe(true);
    expect(codeMatches('012346', ['012345', '999999'])).toBe(false);
    expect(codeMatches('12345', '012345')).toBe(false);
    expect(codeMatches('0123450', '012345')).toBe(false);
    expect(codeMatches('', [''].slice(1))).toBe(false);
    expect(codeMatches('\uff10' + '12345', '012345')).toBe(false);
  });
});

describe('reading a code', () => {
  it.each([
    ['123456', '123456'],
    [' 123 456\n', '123456'],
    ['123-456', '123456'],
    ['123–456', '123456'],
    ['1 2 3 4 5 6', '123456'],
    ['１２３４５６', '123456'],
    ['١٢٣٤٥٦', '123456'],
    ['१२३४५६', '123456'],
    ['\u200e123456\u00a0', '123456'],
    ['000000', '000000'],
  ])('understands %j', (raw, code) => {
    expect(normalizeCode(raw)).toBe(code);
  });

  it.each(['', '12345', '1234567', '12345a', 'G-123456', '123456 123456', '1e5000', '½23456', '0x1234'])(
    'takes %j for no code',
    (raw) => {
      expect(normalizeCode(raw)).toBeNull();
    },
  );

  it('answers six digits or null for any text, and reads its own answer as itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (raw) => {
        const code = normalizeCode(raw);
        expect(code === null || /^[0-9]{6}$/.test(code)).toBe(true);
        if (code !== null) expect(normalizeCode(code)).toBe(code);
      }),
    );
  });
});
