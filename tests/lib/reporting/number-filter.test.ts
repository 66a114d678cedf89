import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seal } from '@/lib/seal';
import {
  maskNumberFilter,
  openNumberFilter,
  parseNumberFilter,
  sealNumberFilter,
  type NumberFilter,
} from '@/lib/reporting/number-filter';

const oneNumber = { ok: true, filter: { phone: '+15551234567' } };

describe('what was typed', () => {
  test.each([
    '(555) 123-4567',
    '555.123.4567',
    '+1 555 123 4567',
    '15551234567',
    '００１ ５５５ １２３ ４５６７',
    '５５５１２３４５６７',
  ])('%s is one whole number', (typed) => {
    expect(parseNumberFilter(typed)).toEqual(oneNumber);
  });

  test('a number of a country that is not served is found too, for people there can write to us', () => {
    expect(parseNumberFilter('+44 7911 123456')).toEqual({ ok: true, filter: { phone: '+447911123456' } });
  });

  test.each([
    ['4567', '4567'],
    ['•••4567', '4567'],
    ['٤٥٦٧', '4567'],
  ])('%s means the numbers that end in %s', (typed, lastDigits) => {
    expect(parseNumberFilter(typed)).toEqual({ ok: true, filter: { lastDigits } });
  });

  test.each([
    ['567', 'too_few_digits'],
    ['34567', 'part_of_number'],
    ['123-4567', 'part_of_number'],
    ['447911123456', 'part_of_number'],
    ['-', 'too_few_digits'],
    ['', 'too_few_digits'],
    ['CALL 4567', 'not_a_number'],
    ['1234567890123456', 'not_a_number'],
  ])('%j is refused as %s', (typed, reason) => {
    expect(parseNumberFilter(typed)).toEqual({ ok: false, reason });
  });
});

const anyFilter = fc.oneof(
  fc.stringMatching(/^\+[1-9][0-9]{6,14}$/).map((phone): NumberFilter => ({ phone })),
  fc.stringMatching(/^[0-9]{4}$/).map((lastDigits): NumberFilter => ({ lastDigits })),
);

describe('in a link', () => {
  test('every filter comes back as it was, and the same filter gives the same link', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        const sealed = sealNumberFilter(filter);
        expect(openNumberFilter(sealed)).toEqual(filter);
        expect(sealNumberFilter(filter)).toBe(sealed);
      }),
    );
  });

  test('no more than four digits of a number are ever in it', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        const digits = ('phone' in filter ? filter.phone : filter.lastDigits).replace('+', '');
        const sealed = sealNumberFilter(filter);
        if ('phone' in filter) expect(sealed).not.toContain(digits.slice(-5));
        else expect(sealed).toBe(digits);
      }),
    );
  });

  test('what is shown of a filter is four digits at most', () => {
    expect(maskNumberFilter({ phone: '+15551234567' })).toBe('•••4567');
    expect(maskNumberFilter({ lastDigits: '4567' })).toBe('•••4567');
  });

  test('one that was changed, or made up, filters nothing', () => {
    const sealed = sealNumberFilter({ phone: '+15551234567' });
    for (let place = 2; place < sealed.length; place += 1) {
      const other = sealed[place] === 'A' ? 'B' : 'A';
      const changed = sealed.slice(0, place) + other + sealed.slice(place + 1);
      const opened = openNumberFilter(changed);
      // The last character's unused bits say nothing.
      if (place < sealed.length - 1) expect(opened).toBeNull();
    }
    for (const made of [
      undefined,
      '',
      '123',
      '34567',
      '1234567',
      '+15551234567',
      `n.${seal('number-filter', '34567')}`,
      'n.',
      'n.AAAA',
      `n.${'A'.repeat(60)}`,
    ]) {
      expect(openNumberFilter(made)).toBeNull();
    }
  });
});
