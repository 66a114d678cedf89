import { countryOfArea } from '@/lib/reporting/rollups/areas';
import { readPercentile, readShareWithin } from '@/lib/reporting/rollups/latency';
import { countDays, findDaysBefore } from '@/lib/reporting/rollups/report-days';
import type { PeriodSums, Report, ReportStep } from '@/lib/reporting/rollups/report';
import { addSums, nothing, type Sums } from '@/lib/reporting/rollups/sums';
import { remedies } from '@/lib/sms/delivery/error-codes';
import { sayCount, sayMicros, sayReportDay, saySeconds, sayShare } from './report-words';
import { sayPurpose, sayReason, sayWhy } from './messages/message-words';
import { readErrorCode } from './messages/messages-query';
import type { ReportPeriod } from './report-period';

/** What a table of a report holds: the names of its columns, and its rows as figures. */
export type ReportTable = {
  columns: readonly string[];
  rows: readonly (readonly (string | number | null)[])[];
  /** Of the table of errors: the provider's code of each row; null: a reason of our own. */
  errorCodes?: readonly (number | null)[];
};

export const tableNames = [
  'spend',
  'texts',
  'delivery',
  'people',
  'purpose',
  'country',
  'area',
  'error',
  'refusal',
] as const;
export type TableName = (typeof tableNames)[number];

/** Which part of a report a table is made of. */
export const partOf = (name: TableName): 'texts' | 'events' =>
  name === 'people' || name === 'refusal' ? 'events' : 'texts';

/** Adds up what went to people, of every purpose; what came from them is apart. */
function sumOutbound({ byPurpose }: Pick<PeriodSums, 'byPurpose'>): Sums {
  return Object.entries(byPurpose)
    .filter(([purpose]) => purpose !== 'inbound')
    .reduce((sum, [, each]) => addSums(sum, each), nothing);
}

/** All that was spent, settled and reserved, in millionths of a dollar. */
function spentMicros({ byPurpose }: Pick<PeriodSums, 'byPurpose'>): number {
  return Object.values(byPurpose).reduce((sum, each) => sum + each.settledMicros + each.reservedMicros, 0);
}

/** The figures of a report, as they are drawn, listed and downloaded. */
export function makeTable(report: Report, name: TableName): ReportTable {
  const { series, period } = report;
  const usd = (micros: number) => (micros / 1_000_000).toFixed(6);
  const dollars = (sums: Sums) => usd(sums.settledMicros + sums.reservedMicros);
  const sumsColumns = ['Texts', 'Sent', 'Delivered', 'Failed', 'Dollars'] as const;
  const sumsRow = (sums: Sums) =>
    [sums.texts, sums.sent, sums.delivered, sums.failed, dollars(sums)] as const;
  const byCost = (a: Sums, b: Sums) =>
    b.settledMicros + b.reservedMicros - (a.settledMicros + a.reservedMicros);
  const sorted = (groups: Record<string, Sums>) =>
    Object.entries(groups).sort(([, a], [, b]) => b.texts - a.texts);
  switch (name) {
    case 'spend':
      return {
        columns: ['When', 'Settled dollars', 'Reserved dollars'],
        rows: series.map(({ first, out, inbound }) => {
          const sums = addSums(out, inbound);
          return [first, usd(sums.settledMicros), usd(sums.reservedMicros)];
        }),
      };
    case 'texts':
      return {
        columns: ['When', 'Delivered', 'On their way', 'Failed', 'Canceled'],
        rows: series.map(({ first, out }) => [first, ...outcomesOf(out)]),
      };
    case 'delivery':
      return {
        columns: ['When', 'Half within seconds', '95% within seconds'],
        rows: series.map(({ first, out: { latencies } }) => [
          first,
          readPercentile(latencies, 0.5),
          readPercentile(latencies, 0.95),
        ]),
      };
    case 'people':
      return {
        columns: ['When', 'Registered', 'Verified'],
        rows: series.map(({ first, events }) => [
          first,
          events.other.registered ?? 0,
          events.funnel.verified ?? 0,
        ]),
      };
    case 'purpose':
      return {
        columns: ['Purpose', ...sumsColumns],
        rows: sorted(period.byPurpose).map(([key, sums]) => [sayPurpose(key), ...sumsRow(sums)]),
      };
    case 'area':
      return {
        columns: ['Area', ...sumsColumns],
        rows: Object.entries(report.byArea)
          .sort(([, a], [, b]) => byCost(a, b) || b.texts - a.texts)
          .map(([key, sums]) => [sayArea(key), ...sumsRow(sums)]),
      };
    case 'country':
      return {
        columns: ['Country', ...sumsColumns],
        rows: sorted(groupByCountry(report.byArea)).map(([key, sums]) => [key, ...sumsRow(sums)]),
      };
    case 'error': {
      const errors = sorted(report.byError);
      return {
        columns: ['Error or reason', 'Texts'],
        rows: errors.map(([key, { texts }]) => [sayError(key), texts]),
        errorCodes: errors.map(([key]) => readErrorCode(key)),
      };
    }
    case 'refusal':
      return {
        columns: ['Rule', 'Times'],
        rows: Object.entries(period.events.refusal)
          .sort(([, a], [, b]) => b - a)
          .map(([key, times]) => [sayReason(key), times]),
      };
  }
}

/** What a chart draws in one place: an hour of one day, a day, or a week. */
export type ChartStep = { label: string; all: Sums; out: Sums; registered: number; verified: number };

/** Of more days than this a chart draws weeks, counted from the first day: the bars of single days would be too thin. */
const mostDaysDrawn = 45;

/** How many days charts draw as one step. Files have each day. */
export function stepDaysOf({ first, last }: ReportPeriod): number {
  return countDays(first, last) > mostDaysDrawn ? 7 : 1;
}

/** What charts draw of a report: hours of one day, days, or weeks. */
export function listSteps(report: Report, period: ReportPeriod, today: string): ChartStep[] {
  const say = (day: string) => (period.first === period.last ? day : sayReportDay(day, today));
  return report.series.map(({ first, last, out, inbound, events }: ReportStep) => ({
    label: first === last ? say(first) : `${say(first)} to ${say(last)}`,
    all: addSums(out, inbound),
    out,
    registered: events.other.registered ?? 0,
    verified: events.funnel.verified ?? 0,
  }));
}

/** Of some texts: delivered, on their way, failed, canceled. What waits is on its way, too. */
export function outcomesOf({ texts, delivered, failed, canceled }: Sums): [number, number, number, number] {
  return [delivered, Math.max(0, texts - delivered - failed - canceled), failed, canceled];
}

function groupByCountry(byArea: Record<string, Sums>): Record<string, Sums> {
  const names = new Intl.DisplayNames('en-US', { type: 'region' });
  const groups: Record<string, Sums> = {};
  for (const [area, sums] of Object.entries(byArea)) {
    const country = countryOfArea(area);
    const name = country === null ? 'Not known' : (names.of(country) ?? country);
    groups[name] = addSums(groups[name] ?? nothing, sums);
  }
  return groups;
}

function sayArea(area: string): string {
  if (area === 'erased') return 'Number erased';
  return /^\+1\d{3}$/.test(area) ? `+1 ${area.slice(2)}` : `${area}…`;
}

function sayError(key: string): string {
  const code = readErrorCode(key);
  if (code === null) return sayReason(key);
  return sayWhy({ errorCode: code, reason: remedies.get(code)?.reason ?? null })!;
}

/** One figure of a period, beside what it was in the one before. */
export type PeriodFigure = { id: string; name: string; value: string; context: string };

/** The figures of some days, each with the same of those that they are compared with. */
export function listFigures({ period, before }: Report, days: ReportPeriod): PeriodFigure[] {
  const then = sayDaysBefore(days);
  const [now, earlier] = [period, before].map(figuresOf);
  return now!.map(({ id, name, value, detail }, index) => ({
    id,
    name,
    value,
    context: [detail, `${then}: ${earlier![index]!.value}`].filter(Boolean).join('; '),
  }));
}

function sayDaysBefore({ first, last }: ReportPeriod): string {
  switch (findDaysBefore(first, last).is) {
    case 'month':
      return 'the month before';
    case 'part':
      return 'the same days of the month before';
    case 'days': {
      const days = countDays(first, last);
      return days === 1 ? 'the day before' : `the ${sayCount(days)} days before`;
    }
  }
}

function figuresOf(period: PeriodSums): { id: string; name: string; value: string; detail?: string }[] {
  const { byPurpose, events } = period;
  const all = Object.values(byPurpose).reduce(addSums, nothing);
  const out = sumOutbound(period);
  const within = (share: number) => {
    const seconds = readPercentile(out.latencies, share);
    return seconds === null ? '–' : saySeconds(seconds);
  };
  const verified = events.funnel.verified ?? 0;
  const codes = byPurpose.verification ?? nothing;
  const refused = Object.values(events.refusal).reduce((sum, times) => sum + times, 0);
  return [
    {
      id: 'spend',
      name: 'Spent',
      value: sayMicros(spentMicros(period)),
      detail: `${sayMicros(all.settledMicros)} settled (${sayMicros(all.failedMicros)} of it for texts that failed), ${sayMicros(all.reservedMicros)} reserved`,
    },
    {
      id: 'texts',
      name: 'Texts asked for',
      value: sayCount(out.texts),
      detail: `${sayCount(out.sent)} sent`,
    },
    {
      id: 'delivered',
      name: 'Delivered, of those sent',
      value: sayShare(out.sent === 0 ? null : out.delivered / out.sent),
      ...(codes.sent > 0 && { detail: `${sayShare(codes.delivered / codes.sent)} of the codes` }),
    },
    {
      id: 'p50',
      name: 'Half arrived within',
      value: within(0.5),
      detail: `95% within ${within(0.95)}, 99% within ${within(0.99)}`,
    },
    { id: 'verified', name: 'Numbers verified', value: sayCount(verified) },
    {
      id: 'cost-per-verified',
      name: 'Codes cost, per verified number',
      value:
        verified === 0 ? '–' : sayMicros(Math.round((codes.settledMicros + codes.reservedMicros) / verified)),
    },
    { id: 'within-10', name: 'Arrived within 10 s', value: sayShare(readShareWithin(out.latencies, 10)) },
    { id: 'within-300', name: 'Arrived within 5 min', value: sayShare(readShareWithin(out.latencies, 300)) },
    { id: 'registered', name: 'Registrations', value: sayCount(events.other.registered ?? 0) },
    { id: 'wrong-codes', name: 'Wrong codes', value: sayCount(events.other.wrong_code ?? 0) },
    { id: 'refused', name: 'Refused by a rule', value: sayCount(refused) },
    { id: 'opted-out', name: 'Opt-outs', value: sayCount(events.other.opted_out ?? 0) },
    { id: 'held', name: 'Held for quiet hours', value: sayCount(out.held) },
    { id: 'inbound', name: 'Texts from people', value: sayCount((byPurpose.inbound ?? nothing).texts) },
  ];
}
