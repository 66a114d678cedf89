import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zonesOfUnknownPlace } from '@/lib/phone/zones';
import {
  defaultQuietWindow,
  nextAllowedInstant,
  nextQuietInstant,
  type QuietWindow,
} from '@/lib/sms/preferences/quiet-hours';

const minuteMs = 60_000;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** Wall time in minutes by Intl, which the code under test does not use. */
function wallMinutes(at: number, zone: string): number {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    clocks.set(zone, clock);
  }
  const [hours, minutes] = clock.format(at).split(':').map(Number);
  return hours! * 60 + minutes!;
}

function isQuiet(at: number, zone: string, { start, end }: QuietWindow): boolean {
  const [from, to] = [start, end].map((time) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))) as [
    number,
    number,
  ];
  const wall = wallMinutes(at, zone);
  if (from === to) return false;
  return from < to ? wall >= from && wall < to : wall >= from || wall < to;
}

/** Minute by minute, as anyone would check it by hand. */
function searchByMinute(
  now: number,
  window: QuietWindow,
  zones: readonly string[],
  hours: number,
): number | null {
  const suits = (at: number) => zones.every((zone) => !isQuiet(at, zone, window));
  if (suits(now)) return now;
  const first = Math.floor(now / minuteMs) * minuteMs + minuteMs;
  for (let at = first; at <= now + hours * 60 * minuteMs; at += minuteMs) if (suits(at)) return at;
  return null;
}

const at = (iso: string) => new Date(iso);
const time = fc
  .integer({ min: 0, max: 1439 })
  .map(
    (minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`,
  );
const window = fc.record({ start: time, end: time });
const zones = Intl.supportedValuesOf('timeZone');

describe('the next instant a text may arrive', () => {
  it.each([
    ['by day it is now', '2026-11-10T17:00:30.5Z', ['America/New_York'], '2026-11-10T17:00:30.5Z'],
    ['at night it is the next morning', '2026-11-11T03:10:00Z', ['America/New_York'], '2026-11-11T14:00:00Z'],
    [
      'after midnight it is the same morning',
      '2026-11-10T06:00:00Z',
      ['America/New_York'],
      '2026-11-10T14:00:00Z',
    ],
    ['the first quiet minute is quiet', '2026-11-11T01:00:00Z', ['America/New_York'], '2026-11-11T14:00:00Z'],
    [
      'the last second before it is not',
      '2026-11-11T00:59:59.999Z',
      ['America/New_York'],
      '2026-11-11T00:59:59.999Z',
    ],
    ['the window ends on the dot', '2026-11-10T14:00:00Z', ['America/New_York'], '2026-11-10T14:00:00Z'],
    [
      'over the night clocks go forward',
      '2026-03-08T03:00:00Z',
      ['America/New_York'],
      '2026-03-08T13:00:00Z',
    ],
    ['over the night clocks go back', '2026-11-01T03:00:00Z', ['America/New_York'], '2026-11-01T14:00:00Z'],
    ['with half-hour changes', '2026-10-03T12:00:00Z', ['Australia/Lord_Howe'], '2026-10-03T22:00:00Z'],
    [
      'two zones wait for the later morning',
      '2026-11-10T14:30:00Z',
      ['America/New_York', 'America/Los_Angeles'],
      '2026-11-10T17:00:00Z',
    ],
    [
      'an unknown place waits for Honolulu',
      '2026-11-10T14:30:00Z',
      zonesOfUnknownPlace,
      '2026-11-10T19:00:00Z',
    ],
  ])('%s', (_, now, zones, expected) => {
    expect(nextAllowedInstant({ now: at(now), window: defaultQuietWindow, zones })).toEqual({
      at: at(expected),
      suitsAll: true,
    });
  });

  it('lets everything pass when both ends are equal', () => {
    const now = at('2026-11-11T03:10:00Z');
    expect(nextAllowedInstant({ now, window: { start: '09:00', end: '09:00' }, zones })).toEqual({
      at: now,
      suitsAll: true,
    });
  });

  it('takes the window end that comes first where clocks pass it twice', () => {
    const window = { start: '22:00', end: '01:30' };
    const first = nextAllowedInstant({
      now: at('2026-11-01T04:00:00Z'),
      window,
      zones: ['America/New_York'],
    });
    expect(first.at).toEqual(at('2026-11-01T05:30:00Z'));
    const second = nextAllowedInstant({
      now: at('2026-11-01T06:10:00Z'),
      window,
      zones: ['America/New_York'],
    });
    expect(second.at).toEqual(at('2026-11-01T06:30:00Z'));
  });

  it('takes the jump itself where clocks skip the window end', () => {
    const now = at('2026-03-08T05:00:00Z');
    const { at: allowed } = nextAllowedInstant({
      now,
      window: { start: '22:00', end: '02:30' },
      zones: ['America/New_York'],
    });
    expect(allowed).toEqual(at('2026-03-08T07:00:00Z'));
  });

  it('finds the instant that suits most zones when none suits all, and says so', () => {
    const opposite = ['America/New_York', 'America/Chicago', 'Asia/Tokyo'];
    const window = { start: '12:00', end: '09:00' };
    const found = nextAllowedInstant({ now: at('2026-11-10T20:00:00Z'), window, zones: opposite });
    expect(found).toEqual({ at: at('2026-11-11T15:00:00Z'), suitsAll: false });
  });

  it('waits more than a day rather than break a lone zone’s hours', () => {
    const window = { start: '03:00', end: '02:00' };
    const now = at('2026-03-07T08:30:00Z');
    const found = nextAllowedInstant({ now, window, zones: ['America/New_York'] });
    expect(found).toEqual({ at: at('2026-03-09T06:00:00Z'), suitsAll: true });
  });

  it('refuses what is no time of day, no zone, or no zone at all', () => {
    const now = at('2026-11-11T03:10:00Z');
    for (const start of ['24:00', '9:00', '09:60', '', '09:00:00', '٠٩:٠٠']) {
      expect(() => nextAllowedInstant({ now, window: { start, end: '10:00' }, zones: ['UTC'] })).toThrow(
        RangeError,
      );
    }
    expect(() => nextAllowedInstant({ now, window: defaultQuietWindow, zones: ['Mars/Olympus'] })).toThrow(
      RangeError,
    );
    expect(() => nextAllowedInstant({ now, window: defaultQuietWindow, zones: [] })).toThrow(RangeError);
  });
});

describe('in every zone of the world', () => {
  it.each(['2026-03-08', '2026-03-29', '2026-10-04', '2026-11-01', '2026-07-15'])(
    'around %s it is never quiet, never earlier than now, and the very next allowed minute',
    (day) => {
      const offsets = fc.sample(fc.integer({ min: -36 * 60, max: 36 * 60 }), {
        seed: 42,
        numRuns: zones.length,
      });
      const windows = fc.sample(window, { seed: 7, numRuns: zones.length });
      zones.forEach((zone, index) => {
        const now = Date.parse(`${day}T12:00:00Z`) + offsets[index]! * minuteMs + 12_345;
        const chosen = index % 2 === 0 ? defaultQuietWindow : windows[index]!;
        const found = nextAllowedInstant({ now: new Date(now), window: chosen, zones: [zone] });
        const expected = searchByMinute(now, chosen, [zone], 73);
        expect([zone, chosen, new Date(now), found.at.getTime()]).toEqual([
          zone,
          chosen,
          new Date(now),
          expected,
        ]);
        expect(found.suitsAll).toBe(true);
      });
    },
  );

  it('agrees with a search by the minute on the days clocks change, for any window', () => {
    const changes = fc.constantFrom(
      ['America/New_York', '2026-03-08T07:00:00Z'],
      ['America/New_York', '2026-11-01T06:00:00Z'],
      ['Europe/Berlin', '2026-03-29T01:00:00Z'],
      ['Europe/Berlin', '2026-10-25T01:00:00Z'],
      ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
      ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
      ['America/Havana', '2026-11-01T05:00:00Z'],
      ['Asia/Beirut', '2026-03-28T22:00:00Z'],
      ['Africa/Casablanca', '2026-02-15T02:00:00Z'],
    );
    fc.assert(
      fc.property(
        changes,
        fc.integer({ min: -26 * 60, max: 3 * 60 }),
        window,
        ([zone, change], minutes, chosen) => {
          const now = Date.parse(change!) + minutes * minuteMs;
          const found = nextAllowedInstant({ now: new Date(now), window: chosen, zones: [zone!] });
          expect(found.at.getTime()).toBe(searchByMinute(now, chosen, [zone!], 73));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('agrees with a search by the minute for several zones at once', () => {
    const some = fc.uniqueArray(fc.constantFrom(...zones), { minLength: 2, maxLength: 6 });
    const now = fc.integer({ min: Date.parse('2025-01-01'), max: Date.parse('2027-12-31') });
    fc.assert(
      fc.property(now, some, window, (now, some, chosen) => {
        const found = nextAllowedInstant({ now: new Date(now), window: chosen, zones: some });
        const expected = searchByMinute(now, chosen, some, 24);
        expect(found.at.getTime()).toBeGreaterThanOrEqual(now);
        expect(found.suitsAll).toBe(expected !== null);
        if (expected !== null) expect(found.at.getTime()).toBe(expected);
      }),
      { numRuns: 80 },
    );
  });
});

describe('the next instant at which quiet hours begin', () => {
  const begin = (now: string, window: QuietWindow, ...zones: string[]) =>
    nextQuietInstant({ now: at(now), window, zones })?.toISOString() ?? null;

  it('is the first of those of the zones that are outside them', () => {
    expect(begin('2026-11-10T17:00:00Z', defaultQuietWindow, 'America/New_York', 'America/Chicago')).toBe(
      '2026-11-11T01:00:00.000Z',
    );
    // It is night in Berlin already.
    expect(begin('2026-11-10T20:00:00Z', defaultQuietWindow, 'Europe/Berlin', 'America/Chicago')).toBe(
      '2026-11-11T02:00:00.000Z',
    );
  });

  it('is none without a window, nor where all zones are inside it', () => {
    expect(begin('2026-11-10T17:00:00Z', { start: '08:00', end: '08:00' }, 'America/New_York')).toBeNull();
    expect(begin('2026-11-10T03:00:00Z', defaultQuietWindow, 'America/New_York')).toBeNull();
  });

  it('agrees with a search by the minute on the days clocks change, for any window', () => {
    const changes = ['2026-03-08T05:00:00Z', '2026-11-01T04:00:00Z', '2026-04-04T10:00:00Z'].map((iso) =>
      at(iso).getTime(),
    );
    const places = ['America/New_York', 'America/St_Johns', 'Australia/Lord_Howe', 'Australia/Sydney'];
    fc.assert(
      fc.property(
        fc.constantFrom(...changes),
        fc.integer({ min: 0, max: 30 * 60 }),
        fc.constantFrom(...places),
        window,
        (change, minutes, zone, quiet) => {
          const now = change + minutes * minuteMs;
          fc.pre(!isQuiet(now, zone, quiet));
          let expected: number | null = null;
          for (let moment = now + minuteMs; moment <= now + 30 * 60 * minuteMs; moment += minuteMs) {
            if (!isQuiet(moment, zone, quiet)) continue;
            expected = moment;
            break;
          }
          const found = nextQuietInstant({ now: new Date(now), window: quiet, zones: [zone] })?.getTime();
          if (expected === null) expect(found ?? Infinity).toBeGreaterThan(now + 30 * 60 * minuteMs);
          else expect(found).toBe(expected);
        },
      ),
    );
  });
});
