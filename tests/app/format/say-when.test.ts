import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { LogMoment } from '@/app/_format/log-moment';
import { Moment } from '@/app/_format/moment';
import { describe, expect, test } from 'vitest';
import { sayLogMoment, sayMoment, sayWallTime } from '@/app/_format/say-moment';
import { sayAt, sayWhen } from '@/app/_format/say-when';

const now = new Date('2026-11-24T18:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

describe('a moment', () => {
  test.each([
    ['2026-11-25T01:05:00Z', 'America/New_York', 'Tue, Nov 24, 8:05 PM EST'],
    ['2026-07-01T00:05:00Z', 'America/New_York', 'Tue, Jun 30, 8:05 PM EDT'],
    // Where no zone is known it is the one of the reports, never UTC.
    ['2026-11-24T00:00:00Z', null, 'Mon, Nov 23, 7:00 PM EST'],
    ['2025-11-24T17:30:00Z', null, 'Mon, Nov 24, 2025, 12:30 PM EST'],
    // The year is the one where the person is.
    ['2027-01-01T03:00:00Z', 'America/New_York', 'Thu, Dec 31, 10:00 PM EST'],
  ])('%s in %s is said as %s', (iso, timeZone, words) => {
    expect(sayMoment(new Date(iso), { timeZone, now })).toBe(words);
  });

  test.each([
    ['2026-11-24T18:05:10Z', null, 'Nov 24, 1:05:10 PM EST'],
    ['2025-12-31T23:59:59Z', null, 'Dec 31, 2025, 6:59:59 PM EST'],
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
    expect(sayMoment(now, { timeZone: null })).toBe('Tue, Nov 24, 2026, 1:00 PM EST');
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
    [50_400, null, 'in 14 hours (on Wed, Nov 25, 3:00 AM EST)'],
    // Without its seconds it must not be too early.
    [50_410, 'America/New_York', 'in 14 h 1 min (on Wed, Nov 25, 3:01 AM EST)'],
    [86_400, null, 'in 24 hours (on Wed, Nov 25, 1:00 PM EST)'],
    [259_200, 'America/New_York', 'in 3 days (on Fri, Nov 27, 1:00 PM EST)'],
    [259_210, 'America/New_York', 'in 3 days 1 h (on Fri, Nov 27, 1:01 PM EST)'],
  ])('%i seconds from now, said in %s, is %s', (seconds, timeZone, words) => {
    expect(sayWhen(later(seconds), now, timeZone)).toBe(words);
  });
});

test('a moment that is none is said in words, wherever one is shown', () => {
  const none = new Date(NaN);
  const clock = { timeZone: 'UTC', now: new Date() };
  expect(sayAt(none, clock.now, 'UTC')).toBe('on an unknown time');
  expect(renderToStaticMarkup(createElement(Moment, { at: none, clock }))).toContain('unknown');
  expect(renderToStaticMarkup(createElement(LogMoment, { at: none, clock }))).toContain('unknown');
});
