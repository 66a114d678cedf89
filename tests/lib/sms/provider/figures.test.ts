import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readFigures } from '@/lib/sms/provider/figures';

describe('what a provider says in figures', () => {
  test.each([
    [{ errorCode: 30003, price: '-0.00790', segments: '2' }],
    [{ errorCode: '30003', price: '-0.00790', segments: 2 }],
  ])('is read from texts and numbers alike: %o', (said) => {
    expect(readFigures(said)).toEqual({ errorCode: 30003, price: '-0.00790', segments: 2 });
  });

  test('is not known while it is missing, empty or 0', () => {
    for (const value of [undefined, null, '', '0', 0]) {
      const unknown = { errorCode: null, segments: null };
      expect(readFigures({ errorCode: value, segments: value })).toMatchObject(unknown);
    }
    expect(readFigures({})).toEqual({ errorCode: null, price: null, segments: null });
    expect(readFigures({ price: '' }).price).toBeNull();
  });

  test.each([
    [
      'errorCode',
      '2147483648',
      '99999999999999999999',
      99_999_999_999,
      '-5',
      'abc',
      '30003.5',
      '30 003',
      NaN,
    ],
    ['segments', '51', '1.5', '-1', '99999999999', 1e300, '0x10', true, {}, [2]],
    ['price', '-99999', '10.01', '1e9', '0x5', 'NaN', 'Infinity', 'free', '+0.0079', ' -0.0075', '-0.', {}],
  ])('is not believed beyond reason: %s', (name, ...values) => {
    for (const value of values)
      expect([value, readFigures({ [name]: value })]).toMatchObject([value, { [name]: null }]);
  });

  test('is always something that the database can hold', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (errorCode, price, segments) => {
        const read = readFigures({ errorCode, price, segments });
        expect(read.errorCode ?? 1).toBeLessThan(2 ** 31);
        expect(read.segments ?? 1).toBeLessThanOrEqual(50);
        expect(Math.abs(Number(read.price ?? 0))).toBeLessThanOrEqual(10);
      }),
    );
  });
});
