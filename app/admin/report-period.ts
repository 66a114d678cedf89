import {
  addDays,
  countDays,
  monthOf,
  readReportDay,
  type ReportDay,
} from '@/lib/reporting/rollups/report-days';

export const overviewPath = '/admin';

/** Which days a report is of, both counted. */
export type ReportPeriod = { first: ReportDay; last: ReportDay };

/** A year and a day: so much fits into a chart that can be read. */
const mostDays = 366;

type Preset = { id: string; words: string; of: (today: ReportDay) => ReportPeriod };

/** The days that a link leads to. */
export const presets: readonly Preset[] = [
  { id: 'today', words: 'Today', of: (today) => lastDays(1, today) },
  { id: 'yesterday', words: 'Yesterday', of: (today) => lastDays(1, addDays(today, -1)) },
  { id: '7', words: '7 days', of: (today) => lastDays(7, today) },
  { id: '30', words: '30 days', of: (today) => lastDays(30, today) },
  { id: '90', words: '90 days', of: (today) => lastDays(90, today) },
  { id: 'month', words: 'This month', of: (today) => ({ first: monthOf(today).first, last: today }) },
  { id: 'last-month', words: 'Last month', of: (today) => monthOf(today, 1) },
];

/**
 * Which days the parameters of a link ask for: `first` and `last`, or else the preset `days`, the last 7 where they say nothing. What makes no
 * sense is put right: days to come are left out, and of more than a year the last is taken.
 */
export function readPeriod(
  search: Record<string, string | string[] | undefined>,
  today: ReportDay,
): ReportPeriod {
  const one = (name: string) => (typeof search[name] === 'string' ? search[name] : undefined);
  const [from, to] = [readReportDay(one('first')), readReportDay(one('last'))];
  if (from !== null && to !== null) {
    const sorted = from <= to ? { first: from, last: to } : { first: to, last: from };
    const last = sorted.last > today ? today : sorted.last;
    const first = sorted.first > last ? last : sorted.first;
    return { first: countDays(first, last) > mostDays ? addDays(last, 1 - mostDays) : first, last };
  }
  return presets.find(({ id }) => id === one('days'))?.of(today) ?? lastDays(7, today);
}

function lastDays(days: number, last: ReportDay): ReportPeriod {
  return { first: addDays(last, 1 - days), last };
}

/** Whether a preset is of these days: some days are those of several. */
export function isPresetOf({ of }: Preset, { first, last }: ReportPeriod, today: ReportDay): boolean {
  const days = of(today);
  return days.first === first && days.last === last;
}

/** The address of one chart's or table's file. */
export function linkToCsv(table: string, { first, last }: ReportPeriod): string {
  return `${overviewPath}/report.csv?${new URLSearchParams({ table, first, last }).toString()}`;
}
