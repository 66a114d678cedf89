import { expect, test } from 'vitest';
import { sayRoughly } from '@/app/_format/say-roughly';

test.each([
  [0, '1 minute'],
  [61, '2 minutes'],
  [59 * 60, '59 minutes'],
  [59 * 60 + 1, '1 hour'],
  [3_601, '1 hour 10 minutes'],
  [10_000, '2 hours 50 minutes'],
  [23 * 3_600 + 51 * 60, '1 day'],
  [100_000, '1 day 4 hours'],
  [47 * 3_600 + 1, '2 days'],
  [1_000_000, '11 days 14 hours'],
])('%i seconds are about %s', (seconds, said) => {
  expect(sayRoughly(seconds)).toBe(said);
});
