import { describe, expect, test } from 'vitest';
import { sayMoment } from '@/app/_format/say-moment';
import { sayWhen } from '@/app/_format/say-when';

const now = new Date('2026-11-24T18:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

describe('a moment', () => {
  test.each([
    ['2026-11-25T01:05:00Z', 'America/New_York', 'Tue, Nov 24, 8:05 PM EST'],
    ['2026-07-01T00:05:00Z', 'America/New_York', 'Tue, Jun 30, 8:05 PM EDT'],
    ['2026-11-24T00:00:00Z', null, 'Tue, Nov 24, 12:00 AM UTC'],
    ['2025-11-24T17:30:00Z', null, 'Mon, Nov 24, 2025, 5:30 PM UTC'],
    // The year is the one where the person is.
    ['2027-01-01T03:00:00Z', 'America/New_York', 'Thu, Dec 31, 10:00 PM EST'],
  ])('%s in %s is said as %s', (iso, timeZone, words) => {
    expect(sayMoment(new Date(iso), { timeZone, now })).toBe(words);
  });

  test('on what is kept it has its year', () => {
    expect(sayMoment(now, { timeZone: null })).toBe('Tue, Nov 24, 2026, 6:00 PM UTC');
  });
});

describe('a moment to wait for', () => {
  test.each([
    [0, null, 'in 1 second (at 6:00:00 PM UTC)'],
    [25, null, 'in 25 seconds (at 6:00:25 PM UTC)'],
    [725, 'America/New_York', 'in 13 minutes (at 1:12:05 PM EST)'],
    [8_100, 'America/Denver', 'in 2 h 15 min (at 1:15:00 PM MST)'],
    // Without its seconds it must not be too early.
    [50_410, 'America/New_York', 'in 14 h 1 min (on Wed, Nov 25, 3:01 AM EST)'],
  ])('%i seconds from now, said in %s, is %s', (seconds, timeZone, words) => {
    expect(sayWhen(later(seconds), now, timeZone)).toBe(words);
  });
});
