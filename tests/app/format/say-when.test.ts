import { describe, expect, test } from 'vitest';
import { sayLogMoment, sayMoment, sayWallTime } from '@/app/_format/say-moment';
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

  test.each([
    ['2026-11-24T18:05:10Z', null, 'Nov 24, 6:05:10 PM UTC'],
    ['2025-12-31T23:59:59Z', null, 'Dec 31, 2025, 11:59:59 PM UTC'],
    ['2026-11-24T18:05:10Z', 'America/New_York', 'Nov 24, 1:05:10 PM EST'],
  ])('%s of a log in %s is said as %s', (iso, timeZone, words) => {
    expect(sayLogMoment(new Date(iso), { timeZone, now })).toBe(words);
  });

  test.each([
    ['00:00', '12:00 AM'],
    ['09:05', '9:05 AM'],
    ['12:00', '12:00 PM'],
    ['20:00', '8:00 PM'],
  ])('the wall time %s is said as %s', (time, words) => {
    expect(sayWallTime(time)).toBe(words);
  });

  test('on what is kept it has its year', () => {
    expect(sayMoment(now, { timeZone: null })).toBe('Tue, Nov 24, 2026, 6:00 PM UTC');
  });
});

describe('a moment to wait for', () => {
  test.each([
    [0, null, 'in 1 second'],
    [25, null, 'in 25 seconds'],
    [99.2, null, 'in 1 min 40 s'],
    [305, null, 'in 5 min 05 s'],
    [725, 'America/New_York', 'in 13 minutes (at 1:12:05 PM EST)'],
    [5_940, null, 'in 99 minutes'],
    [8_100, 'America/Denver', 'in 2 h 15 min (at 1:15:00 PM MST)'],
    [50_400, null, 'in 14 h 0 min (on Wed, Nov 25, 8:00 AM UTC)'],
    // Without its seconds it must not be too early.
    [50_410, 'America/New_York', 'in 14 h 1 min (on Wed, Nov 25, 3:01 AM EST)'],
  ])('%i seconds from now, said in %s, is %s', (seconds, timeZone, words) => {
    expect(sayWhen(later(seconds), now, timeZone)).toBe(words);
  });
});
