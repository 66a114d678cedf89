import { describe, expect, it } from 'vitest';
import { toAsciiDigits } from '@/lib/phone/digits';

describe('rewriting digits', () => {
  it('turns every decimal digit of Unicode into the ASCII digit of the same value', () => {
    const zeros = new Map<string, number>();
    let counted = 0;
    for (let point = 0; point <= 0x10ffff; point += 1) {
      if (point >= 0xd800 && point < 0xe000) continue;
      const character = String.fromCodePoint(point);
      if (!/\p{Nd}/u.test(character)) continue;
      const digit = toAsciiDigits(character);
      expect(digit).toMatch(/^[0-9]$/);
      zeros.set(digit, (zeros.get(digit) ?? 0) + 1);
      counted += 1;
    }
    expect(counted).toBeGreaterThan(600);
    expect(new Set(zeros.values()).size).toBe(1);
  });

  it('agrees with compatibility normalization where that knows the value', () => {
    for (const text of ['０１２３４５６７８９', '𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗', '𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿']) {
      expect(toAsciiDigits(text)).toBe(text.normalize('NFKC'));
    }
  });

  it('leaves everything else as it is', () => {
    expect(toAsciiDigits('a½²-9 Ⅷ')).toBe('a½²-9 Ⅷ');
  });
});
