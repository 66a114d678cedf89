import { describe, expect, test } from 'vitest';
import { listTimeZones, nameZone, readTimeZone } from '@/lib/time-zones';

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

  const noon = new Date('2026-06-15T12:00:00Z');

  test('of the list is called by its city, and read by that name', () => {
    const names = listTimeZones(noon).flatMap((clock) => clock.names);
    const zones = Intl.supportedValuesOf('timeZone').filter((zone) => zone.includes('/'));
    expect(names.map(readTimeZone).sort()).toEqual(zones.sort());
    for (const zone of zones) {
      expect(readTimeZone(zone)).toBe(zone);
      expect(names).toContain(nameZone(zone));
      expect(nameZone(zone)).toContain(zone.slice(zone.lastIndexOf('/') + 1).replace(/_/g, ' '));
      expect(nameZone(zone)).not.toContain('_');
    }
  });

  test('is called by the city alone', () => {
    expect(nameZone('America/New_York')).toBe('New York');
    expect(nameZone('UTC')).toBe('UTC');
  });

  test('of the list says what its clocks show now, minute by minute', () => {
    const wordsOf = (now: Date) => listTimeZones(now).find(({ names }) => names.includes('Tokyo'))?.words;
    expect(wordsOf(noon)).toBe('9:00 PM · Japan Standard Time');
    expect(wordsOf(new Date(noon.getTime() + 59_999))).toBe('9:00 PM · Japan Standard Time');
    expect(wordsOf(new Date(noon.getTime() + 60_000))).toBe('9:01 PM · Japan Standard Time');
  });

  test('of the list is beside those whose clocks show the same, and each clock is there once', () => {
    const words = listTimeZones(noon).map((clock) => clock.words);
    expect(new Set(words).size).toBe(words.length);
    expect(words.length).toBeLessThan(200);
  });
});

test.each([
  ['EST', 'America/New_York'],
  ['et', 'America/New_York'],
  ['Eastern', 'America/New_York'],
  ['Eastern Time', 'America/New_York'],
  ['central  standard time', 'America/Chicago'],
  ['Mountain Daylight Time', 'America/Denver'],
  ['PST', 'America/Los_Angeles'],
  ['MST', 'America/Phoenix'],
  ['pacific time', 'America/Los_Angeles'],
  ['Hawaii', 'Pacific/Honolulu'],
])('%s is read as %s', (typed, zone) => {
  expect(readTimeZone(typed)).toBe(zone);
});
