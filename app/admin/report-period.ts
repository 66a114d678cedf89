import { addDays, countDays, readReportDay, type ReportDay } from '@/lib/reporting/rollups/report-days';

export const overviewPath = '/admin';

/** Which days a report is of, both counted. */
export type ReportPeriod = { first: ReportDay; last: ReportDay };

/** A year and a day: so much fits into a chart that can be read. */
const mostDays = 366;

/** The days that a link leads to: so many of them, the last so many days ago. */
export const presets = [
  { id: 'today', days: 1, ago: 0, words: 'Today' },
  { id: 'yesterday', days: 1, ago: 1, words: 'Yesterday' },
  { id: '7', days: 7, ago: 0, words: '7 days' },
  { id: '30', days: 30, ago: 0, words: '30 days' },
  { id: '90', days: 90, ago: 0, words: '90 days' },
] as const;

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
  return daysOf(presets.find(({ id }) => id === one('days')) ?? usual, today);
}

const usual = presets.find(({ id }) => id === '7')!;

function daysOf({ days, ago }: { days: number; ago: number }, today: ReportDay): ReportPeriod {
  const last = addDays(today, -ago);
  return { first: addDays(last, 1 - days), last };
}

/** The preset that these days are, as its parameter; null: they are none. */
export function presetOf({ first, last }: ReportPeriod, today: ReportDay): string | null {
  const isThis = (preset: ReportPeriod) => preset.first === first && preset.last === last;
  return presets.find((preset) => isThis(daysOf(preset, today)))?.id ?? null;
}

/** The address of one chart's or table's file. */
export function linkToCsv(table: string, { first, last }: ReportPeriod): string {
  return `${overviewPath}/report.csv?${new URLSearchParams({ table, first, last }).toString()}`;
}
