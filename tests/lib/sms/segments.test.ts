import { describe, expect, it } from 'vitest';
import { countSegments, estimatePriceMicros, toGsm } from '@/lib/sms/segments';

describe('counting segments', () => {
  it.each([
    ['', 1],
    ['a'.repeat(160), 1],
    ['a'.repeat(161), 2],
    ['a'.repeat(306), 2],
    ['a'.repeat(307), 3],
    ['€'.repeat(80), 1],
    ['€'.repeat(81), 2],
    ['漢'.repeat(70), 1],
    ['漢'.repeat(71), 2],
    ['漢'.repeat(134), 2],
    ['漢'.repeat(135), 3],
  ])('knows the limits of each encoding (case %#)', (body, segments) => {
    expect(countSegments(body)).toBe(segments);
  });

  it('does not let one curly apostrophe double the price', () => {
    expect(countSegments(`Don’t ${'a'.repeat(150)}`)).toBe(1);
  });

  it('counts the same before and after the repair', () => {
    for (const body of ['“Don’t” – wait…', 'Jose\u0301 ça va', 'plain', 'a\u00a0b\r\nc', '🙂'.repeat(40)]) {
      expect(countSegments(toGsm(body))).toBe(countSegments(body.normalize('NFC')));
    }
  });
});

describe('repairing to GSM-7', () => {
  it('replaces look-alikes and keeps everything else', () => {
    expect(toGsm('“Don’t” – it`s')).toBe('"Don\'t" - it\'s');
    expect(toGsm('déjà vu @host #123456\n[x]')).toBe('déjà vu @host #123456\n[x]');
    expect(toGsm('漢字 🙂')).toBe('漢字 🙂');
  });
});

describe('estimating a price', () => {
  it('is exact', () => {
    expect(estimatePriceMicros('a'.repeat(161), 7_900)).toBe(15_800);
    expect(estimatePriceMicros('a', 0)).toBe(0);
  });

  it('refuses prices that are not whole micros', () => {
    expect(() => estimatePriceMicros('a', 0.0079)).toThrow(RangeError);
    expect(() => estimatePriceMicros('a', -1)).toThrow(RangeError);
  });
});
