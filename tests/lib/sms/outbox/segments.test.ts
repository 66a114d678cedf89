import { SegmentedMessage } from 'sms-segments-calculator';
import { describe, expect, it } from 'vitest';
import { countSegments, toGsm } from '@/lib/sms/outbox/segments';

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

  it('agrees with the library about plain characters, each by itself and at each limit', () => {
    const ofLibrary = (body: string) => new SegmentedMessage(body, 'auto', true);
    const ascii = Array.from({ length: 127 }, (_, code) => String.fromCharCode(code + 1));
    const lengths = [1, 159, 160, 161, 305, 306, 307, 459, 460];
    for (const body of [
      ...ascii.flatMap((char) => [char, char.repeat(160)]),
      ...lengths.map((n) => 'z'.repeat(n)),
    ]) {
      expect(countSegments(body)).toBe(ofLibrary(body).segmentsCount);
      expect(toGsm(body)).toBe(ofLibrary(body.normalize('NFC')).graphemes.join(''));
    }
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
