import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextAllowedInstant } from '@/lib/sms/preferences/quiet-hours';
import { previewQuietHours } from '@/lib/sms/preferences/quiet-preview';
import { listTimeZones, readTimeZone } from '@/lib/time-zones';

const newYork = ['America/New_York'];
const overNight = { start: '22:00', end: '08:00' };

function preview(now: string, window = overNight, zones = newYork) {
  return previewQuietHours({ window, zones, now: new Date(now) });
}

describe('the example of quiet hours', () => {
  test('is a text ten minutes into them that arrives at their end', () => {
    expect(preview('2026-06-15T16:00:00Z')).toEqual({
      sample: { readyAt: new Date('2026-06-16T02:10:00Z'), arrivesAt: new Date('2026-06-16T12:00:00Z') },
      nowArrivesAt: new Date('2026-06-15T16:00:00Z'),
      suitsAll: true,
    });
  });

  test('is right over both changes of the clock', () => {
    // The night to 2026-03-08 has an hour less, the night to 2026-11-01 an hour more.
    expect(preview('2026-03-07T17:00:00Z').sample).toEqual({
      readyAt: new Date('2026-03-08T03:10:00Z'),
      arrivesAt: new Date('2026-03-08T12:00:00Z'),
    });
    expect(preview('2026-10-31T17:00:00Z').sample).toEqual({
      readyAt: new Date('2026-11-01T02:10:00Z'),
      arrivesAt: new Date('2026-11-01T13:00:00Z'),
    });
  });

  test('says when a text would arrive right now', () => {
    expect(preview('2026-06-15T05:00:00Z').nowArrivesAt).toEqual(new Date('2026-06-15T12:00:00Z'));
  });

  test('has none where they are off, or begin and end at the same time', () => {
    const now = new Date('2026-06-15T05:00:00Z');
    const none = { sample: null, nowArrivesAt: now, suitsAll: true };
    expect(previewQuietHours({ window: null, zones: newYork, now })).toEqual(none);
    expect(previewQuietHours({ window: { start: '09:00', end: '09:00' }, zones: newYork, now })).toEqual(
      none,
    );
  });

  test('never differs from what the send policy does', () => {
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
    const day = 24 * 3600 * 1000;
    fc.assert(
      fc.property(
        time,
        time,
        fc.constantFrom(
          ...newYork,
          'Europe/London',
          'Australia/Lord_Howe',
          'Asia/Kolkata',
          'Africa/Casablanca',
        ),
        fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-12-31') }),
        (start, end, zone, at) => {
          const now = new Date(at);
          const { sample } = previewQuietHours({ window: { start, end }, zones: [zone], now });
          if (start === end) return sample === null;
          const { readyAt, arrivesAt } = sample!;
          expect(readyAt.getTime() - at).toBeGreaterThanOrEqual(0);
          expect(readyAt.getTime() - at).toBeLessThanOrEqual(day + 3 * 3600 * 1000);
          const allowed = nextAllowedInstant({ now: readyAt, window: { start, end }, zones: [zone] });
          return allowed.at.getTime() === arrivesAt.getTime();
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a time zone', () => {
  test.each([
    ['America/New_York', 'America/New_York'],
    [' america/new york ', 'America/New_York'],
    ['new york', 'America/New_York'],
    ['Honolulu', 'Pacific/Honolulu'],
    ['+05:00', null],
    ['nowhere', null],
    ['', null],
  ])('typed as %j is read as %j', (typed, zone) => {
    expect(readTimeZone(typed)).toBe(zone);
  });

  test('of the list is read as itself, and has its city in its words', () => {
    for (const { zone, words } of listTimeZones()) {
      expect(readTimeZone(zone)).toBe(zone);
      expect(words).toContain(zone.slice(zone.lastIndexOf('/') + 1).replace(/_/g, ' '));
    }
  });
});
