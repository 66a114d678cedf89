import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actsFor, median, perAct, quantile, ratio, spread } from '@/bench/figures';

describe('the arithmetic of the bench', () => {
  test('a median is the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([0, 0])).toBe(0);
    expect(median([])).toBeNaN();
  });

  test('a median does not depend on the order, lies among the values, and does not change them', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
        const before = [...values];
        const found = median(values);
        // Zero and minus zero are one value.
        expect(median([...values].reverse()) + 0).toBe(found + 0);
        expect(values).toEqual(before);
        expect(values.filter((each) => each <= found).length * 2).toBeGreaterThanOrEqual(values.length);
        expect(values.filter((each) => each >= found).length * 2).toBeGreaterThanOrEqual(values.length);
      }),
    );
  });

  test('a quantile is one of the values', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([0, 0.25, 0.5, 0.99, 1].map((q) => quantile(hundred, q))).toEqual([1, 25, 50, 99, 100]);
    expect(quantile([], 0.5)).toBeNaN();
  });

  test('a spread is half of what the middle half of the values covers, as a share of their median', () => {
    expect(spread([90, 100, 100, 100, 110])).toBe(0);
    expect(spread([80, 90, 100, 110, 120])).toBe(0.1);
    // One block that stood still says nothing about the others.
    expect(spread([99, 100, 101, 5_000])).toBeLessThan(0.02);
  });

  test('a ratio is taken block by block, so a machine that slows down for a while changes nothing', () => {
    expect(ratio([20, 200, 40], [10, 100, 20])).toBe(2);
    expect(ratio([10, 20, 30], [10, 10, 10])).toBe(2);
    expect(ratio([10, 20], [0, 10])).toBe(2);
    expect(ratio([10], [0])).toBeNaN();
    expect(ratio([], [])).toBeNaN();
  });

  test('what the system does anyway is no act’s cost, and no cost is below zero', () => {
    expect(perAct(130, { acts: 10, seconds: 5, perSecond: 6 })).toBe(10);
    expect(perAct(20, { acts: 10, seconds: 5, perSecond: 6 })).toBe(0);
  });

  test('a block has as many acts as fit in its time, within bounds', () => {
    const bounds = { least: 10, most: 1_000 };
    expect(actsFor(1, { acts: 64, seconds: 0.5 }, bounds)).toBe(128);
    expect(actsFor(1, { acts: 4, seconds: 8 }, bounds)).toBe(10);
    expect(actsFor(1, { acts: 64, seconds: 0 }, bounds)).toBe(1_000);
  });
});
