import { describe, expect, test } from 'vitest';
import { isPresetOf, presets, readPeriod } from '@/app/admin/report-period';
import { listFigures, listSteps, stepDaysOf, makeTable, partOf, tableNames } from '@/app/admin/report-tables';
import { sayMicros, saySeconds, sayShare, sayZone } from '@/app/admin/report-words';
import { barPath } from '@/components/charts/ChartFrame';
import { linearScale, timeScale } from '@/components/charts/scale';
import { findDaysBefore } from '@/lib/reporting/rollups/report-days';
import { countryOfArea } from '@/lib/reporting/rollups/areas';
import type { Report, ReportStep } from '@/lib/reporting/rollups/report';
import { nothing, type Sums } from '@/lib/reporting/rollups/sums';

const today = '2026-11-30';
const week = { first: '2026-11-24', last: today };

describe('the days of a report', () => {
  test.each([
    [{}, { first: '2026-11-24', last: today }],
    [{ days: 'today' }, { first: today, last: today }],
    [{ days: 'yesterday' }, { first: '2026-11-29', last: '2026-11-29' }],
    [{ days: '90' }, { first: '2026-09-02', last: today }],
    [{ days: 'month' }, { first: '2026-11-01', last: today }],
    [{ days: 'last-month' }, { first: '2026-10-01', last: '2026-10-31' }],
    [{ days: 'x' }, { first: '2026-11-24', last: today }],
    [{ days: ['7', '30'] }, { first: '2026-11-24', last: today }],
    [
      { first: '2026-11-01', last: '2026-11-03' },
      { first: '2026-11-01', last: '2026-11-03' },
    ],
    // The wrong way round, days to come, more than a year, and days that do not exist.
    [
      { first: '2026-11-03', last: '2026-11-01' },
      { first: '2026-11-01', last: '2026-11-03' },
    ],
    [
      { first: '2027-01-01', last: '2027-02-01' },
      { first: today, last: today },
    ],
    [
      { first: '2001-01-01', last: today },
      { first: '2025-11-30', last: today },
    ],
    [
      { first: '2026-02-30', last: today },
      { first: '2026-11-24', last: today },
    ],
    [{ first: '2026-11-01' }, { first: '2026-11-24', last: today }],
  ])('%o are %o', (parameters, period) => {
    expect(readPeriod(parameters, today)).toEqual(period);
  });

  test('a link of our own says which it is', () => {
    const of = (period: ReturnType<typeof readPeriod>) =>
      presets.filter((preset) => isPresetOf(preset, period, today)).map(({ id }) => id);
    expect(of(readPeriod({ days: '7' }, today))).toEqual(['7']);
    expect(of(readPeriod({ days: 'yesterday' }, today))).toEqual(['yesterday']);
    // The last 30 days are this month, too, on its last day.
    expect(of(readPeriod({ days: 'month' }, today))).toEqual(['30', 'month']);
    expect(of({ first: '2026-11-01', last: '2026-11-03' })).toEqual([]);
  });
});

test('money, times, zones and shares are written as people write them', () => {
  expect([0, 7_900, 83, 500_000, 12_345_678, 1_234_567_890_000].map(sayMicros)).toEqual([
    '$0',
    '$0.0079',
    '$0.000083',
    '$0.50',
    '$12.35',
    '$1,234,567.89',
  ]);
  expect([0.5, 9.94, 10, 89, 90, 5_399, 7_200, Infinity].map(saySeconds)).toEqual([
    '0.5 s',
    '9.9 s',
    '10 s',
    '89 s',
    '2 min',
    '90 min',
    '2 h',
    'over 30 h',
  ]);
  expect(['America/New_York', 'America/Argentina/Buenos_Aires', 'UTC'].map(sayZone)).toEqual([
    'New York',
    'Buenos Aires',
    'UTC',
  ]);
  expect([null, 0, 0.5, 0.99949, 1].map(sayShare)).toEqual(['–', '0%', '50%', '99.9%', '100%']);
});

test('an area says its country where it can', () => {
  expect(
    ['+1415', '+1416', '+1787', '+447', '+491', '+353', 'erased', '+1', '+999', ''].map(countryOfArea),
  ).toEqual(['US', 'CA', 'PR', 'GB', 'DE', 'IE', null, null, null, null]);
});

const sums = (changes: Partial<Sums>): Sums => ({ ...nothing, ...changes });
const emptyPeriod = { byPurpose: {}, events: { funnel: {}, refusal: {}, other: {} } };
const empty: Report = {
  timeZone: 'America/New_York',
  period: emptyPeriod,
  before: emptyPeriod,
  series: [],
  byArea: {},
  byError: {},
  missingDays: [],
};
const step = (changes: Partial<ReportStep>): ReportStep => ({
  ...{ first: today, last: today, out: nothing, inbound: nothing, events: emptyPeriod.events },
  ...changes,
});

test('a report of nothing has every table and figure, and none is no number', () => {
  for (const name of tableNames) expect(makeTable(empty, name).rows).toEqual([]);
  expect(JSON.stringify(listFigures(empty, week))).not.toMatch(/NaN|Infinity|undefined|null/);
});

test('what people sent us is in what was spent and in no rate', () => {
  const report: Report = {
    ...empty,
    period: {
      byPurpose: {
        inbound: sums({ texts: 5, settledMicros: 37_500 }),
        update: sums({
          texts: 10,
          sent: 8,
          delivered: 6,
          failed: 2,
          settledMicros: 66_400,
          failedMicros: 16_600,
        }),
      },
      events: { funnel: { verified: 0 }, refusal: { stopped: 2 }, other: {} },
    },
  };
  const value = Object.fromEntries(listFigures(report, week).map((figure) => [figure.id, figure.value]));
  expect(value).toMatchObject({
    spend: '$0.1039',
    texts: '10',
    delivered: '75%',
    'cost-per-verified': '–',
    refused: '2',
    inbound: '5',
  });
});

test('what of a report is not a table’s part changes nothing in it', () => {
  const events = { funnel: { verified: 3 }, refusal: { stopped: 2 }, other: { registered: 4 } };
  const out = sums({ texts: 9, sent: 8, delivered: 6, settledMicros: 66_400 });
  const byPurpose = { verification: out };
  const whole: Report = {
    ...empty,
    period: { byPurpose, events },
    series: [step({ out, events })],
    byArea: { '+1415': sums({ texts: 9 }) },
    byError: { 30003: sums({ texts: 1 }) },
  };
  const withoutEvents = { ...whole.period, events: emptyPeriod.events };
  const parts = {
    texts: { ...whole, period: withoutEvents, series: [step({ out })] },
    events: {
      ...{ ...whole, byArea: {}, byError: {}, period: { byPurpose: {}, events } },
      series: [step({ events })],
    },
  };
  for (const name of tableNames) {
    expect(makeTable(parts[partOf(name)], name)).toEqual(makeTable(whole, name));
    expect(makeTable(whole, name).rows).not.toEqual([]);
  }
});

test('the share of texts that arrived is said of codes alone, too, where any were sent', () => {
  const byPurpose = {
    verification: sums({ texts: 4, sent: 4, delivered: 2 }),
    update: sums({ texts: 4, sent: 4, delivered: 4 }),
  };
  const report: Report = { ...empty, period: { ...emptyPeriod, byPurpose } };
  const delivered = (of: Report) => listFigures(of, week).find(({ id }) => id === 'delivered')!;
  expect(delivered(report)).toMatchObject({
    value: '75%',
    context: '50% of the codes; the 7 days before: –',
  });
  expect(delivered(empty).context).toBe('the 7 days before: –');
});

describe('what a chart draws', () => {
  const report = (first: string, last: string, texts: number): Report => ({
    ...empty,
    series: [
      step({
        ...{ first, last, out: sums({ texts }), inbound: sums({ texts: 100, settledMicros: 7 }) },
        events: { funnel: { verified: 1 }, refusal: {}, other: { registered: 2 } },
      }),
    ],
  });
  const period = { first: '2026-06-01', last: '2026-07-16' };

  test('is each day of 45 at most, and weeks of more', () => {
    expect(stepDaysOf({ first: '2026-06-01', last: '2026-07-15' })).toBe(1);
    expect(stepDaysOf(period)).toBe(7);
  });

  test('is named by its days, with what went both ways', () => {
    expect(listSteps(report('2026-06-02', '2026-06-02', 2), period, today)).toEqual([
      {
        label: 'Jun 2',
        out: sums({ texts: 2 }),
        all: sums({ texts: 102, settledMicros: 7 }),
        ...{ registered: 2, verified: 1 },
      },
    ]);
    const [week] = listSteps(report('2026-07-13', '2026-07-16', 2), period, today);
    expect(week!.label).toBe('Jul 13 to Jul 16');
  });

  test('is the hours of one day, by their names', () => {
    const hours = { ...empty, series: [step({ first: '09:00', last: '09:00' })] };
    expect(listSteps(hours, { first: today, last: today }, today).map(({ label }) => label)).toEqual([
      '09:00',
    ]);
  });
});

test('bars of a chart are one path, without those that have no height', () => {
  expect(barPath({ left: 10.004, width: 5, bottom: 100, top: 20.555 })).toBe('M10 100V20.55h5V100z');
  expect(barPath({ left: 10, width: 5, bottom: 100, top: 100 })).toBe('');
  expect(barPath({ left: 10, width: 5, bottom: 100, top: NaN })).toBe('');
});

test('countries are added up from their areas, the largest first', () => {
  const report = {
    ...empty,
    byArea: {
      '+1415': sums({ texts: 2 }),
      '+1416': sums({ texts: 5 }),
      '+1212': sums({ texts: 4 }),
      erased: sums({ texts: 1 }),
    },
  };
  expect(makeTable(report, 'country').rows.map(([name, texts]) => [name, texts])).toEqual([
    ['United States', 6],
    ['Canada', 5],
    ['Not known', 1],
  ]);
});

test('area codes are listed by what they cost, the dearest first', () => {
  const report = {
    ...empty,
    byArea: {
      '+1415': sums({ texts: 9, settledMicros: 70_000 }),
      '+1416': sums({ texts: 5, settledMicros: 60_000, reservedMicros: 15_000 }),
      '+1212': sums({ texts: 1 }),
      '+1213': sums({ texts: 2 }),
    },
  };
  expect(makeTable(report, 'area').rows.map(([area]) => area)).toEqual([
    '+1 416',
    '+1 415',
    '+1 213',
    '+1 212',
  ]);
});

test('an error is said in words, and knows its code', () => {
  const report = {
    ...empty,
    byError: { 30003: sums({ texts: 3 }), turned_off: sums({ texts: 2 }), 999: sums({ texts: 1 }) },
  };
  const { rows, errorCodes } = makeTable(report, 'error');
  expect(rows).toEqual([
    ['Error 30003: handset unreachable', 3],
    ['turned off', 2],
    ['Error 999', 1],
  ]);
  expect(errorCodes).toEqual([30003, null, 999]);
});

test.each([
  ['2026-11-01', '2026-11-30', '2026-10-01', '2026-10-31'],
  ['2026-11-01', '2026-11-29', '2026-10-01', '2026-10-29'],
  // A month that is shorter than the days so far.
  ['2026-03-01', '2026-03-30', '2026-02-01', '2026-02-28'],
  ['2026-01-01', '2026-01-31', '2025-12-01', '2025-12-31'],
  ['2026-11-02', '2026-11-30', '2026-10-04', '2026-11-01'],
  ['2026-11-01', '2026-11-01', '2026-10-31', '2026-10-31'],
])('%s to %s are compared with %s to %s', (first, last, firstBefore, lastBefore) => {
  expect(findDaysBefore(first, last)).toMatchObject({ first: firstBefore, last: lastBefore });
});

test('a figure says which days it is compared with', () => {
  const contextOf = (days: string) =>
    listFigures(empty, readPeriod({ days }, '2026-11-29')).find(({ id }) => id === 'registered')!.context;
  expect(['today', '7', 'month', 'last-month'].map(contextOf)).toEqual([
    'the day before: 0',
    'the 7 days before: 0',
    'the same days of the month before: 0',
    'the month before: 0',
  ]);
});

describe('the lines of a chart', () => {
  test.each([0, 1, 3, 4, 7, 99, 1_000, 123_456, 0.0079])(
    'up to %d are round, few, and reach above it',
    (highest) => {
      const { ticks, place } = linearScale(highest);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(7);
      expect(ticks[0]).toBe(0);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(highest * (1 - 1e-9));
      expect(place(highest)).toBeLessThanOrEqual(1 + 1e-9);
    },
  );

  test('times stay inside, whatever they are', () => {
    for (const longest of [0, 0.2, 1, 59, 4_000, 200_000, Infinity]) {
      const { ticks, place } = timeScale(longest);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      for (const value of [0, 0.1, 1, longest]) {
        expect(place(value)).toBeGreaterThanOrEqual(0);
        expect(place(value)).toBeLessThanOrEqual(1);
      }
    }
  });
});
