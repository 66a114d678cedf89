import { addDays, countDays, readReportDay, type ReportDay } from '@/lib/reporting/rollups/report-days';

export const overviewPath = '/admin';

/** Which days a report is of, both counted. */
export type ReportPeriod = { first: ReportDay; last: ReportDay };

/** A year and a day: so much fits into a chart that can be read. */
const mostDays = 366;

export const presets = [
  { id: 'today', days: 1, words: 'Today' },
  { id: '7', days: 7, words: '7 days' },
  { id: '30', days: 30, words: '30 days' },
  { id: '90', days: 90, words: '90 days' },
] as const;

/**
 * Which days the parameters of a link ask for: `first` and `last`, or else the last `days`, 7 where they say nothing. What makes no
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
  const { days } = presets.find(({ id }) => id === one('days')) ?? presets[1];
  return { first: addDays(today, 1 - days), last: today };
}

/** The preset that these days are, as its parameter; null: they are none. */
export function presetOf({ first, last }: ReportPeriod, today: ReportDay): string | null {
  return presets.find(({ days }) => last === today && first === addDays(today, 1 - days))?.id ?? null;
}

/** The address of one chart's or table's file. */
export function linkToCsv(table: string, { first, last }: ReportPeriod): string {
  return `${overviewPath}/report.csv?${new URLSearchParams({ table, first, last }).toString()}`;
}
