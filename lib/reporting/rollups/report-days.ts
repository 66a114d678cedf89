import { Temporal } from 'temporal-polyfill';

/** A day as `YYYY-MM-DD`, of the zone that reports are in. */
export type ReportDay = string;

/** Which day it is at a moment. */
export function dayOf(moment: Date, timeZone: string): ReportDay {
  return Temporal.Instant.fromEpochMilliseconds(moment.getTime())
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
    .toString();
}

/** The moment at which a day begins; where the clocks change at midnight that is not 0:00. */
export function startOf(day: ReportDay, timeZone: string): Date {
  return new Date(Temporal.PlainDate.from(day).toZonedDateTime({ timeZone }).epochMilliseconds);
}

/** The day so many days later, or earlier where `days` is below 0. */
export function addDays(day: ReportDay, days: number): ReportDay {
  return Temporal.PlainDate.from(day).add({ days }).toString();
}

/** How many days there are from one to another, both counted. */
export function countDays(first: ReportDay, last: ReportDay): number {
  return Temporal.PlainDate.from(first).until(last, { largestUnit: 'day' }).days + 1;
}

/** What some days are compared with: `month`: a whole month with the one before it; `part`: its first days with the same of that one. */
export type DaysBefore = { first: ReportDay; last: ReportDay; is: 'days' | 'month' | 'part' };

/** The days that others are compared with: of a month or its first days the month before, else as many just before. */
export function findDaysBefore(first: ReportDay, last: ReportDay): DaysBefore {
  const [from, to] = [Temporal.PlainDate.from(first), Temporal.PlainDate.from(last)];
  const isOfMonth = from.day === 1 && first !== last && from.toPlainYearMonth().equals(to.toPlainYearMonth());
  if (!isOfMonth) {
    return { first: addDays(first, -countDays(first, last)), last: addDays(first, -1), is: 'days' };
  }
  const before = from.subtract({ months: 1 });
  const isWhole = to.day === to.daysInMonth;
  const day = isWhole ? before.daysInMonth : Math.min(to.day, before.daysInMonth);
  return {
    first: before.toString(),
    last: before.with({ day }).toString(),
    is: isWhole ? 'month' : 'part',
  };
}

/** The first and the last day of the month that a day is in, or of so many months before. */
export function monthOf(day: ReportDay, monthsAgo = 0): { first: ReportDay; last: ReportDay } {
  const first = Temporal.PlainDate.from(day).with({ day: 1 }).subtract({ months: monthsAgo });
  return { first: first.toString(), last: first.with({ day: first.daysInMonth }).toString() };
}

/** Reads a day that exists, from 2000 to 2199; null for anything else. */
export function readReportDay(text: string | undefined): ReportDay | null {
  if (!/^2[01]\d\d-\d\d-\d\d$/.test(text ?? '')) return null;
  try {
    return Temporal.PlainDate.from(text!, { overflow: 'reject' }).toString();
  } catch {
    return null;
  }
}
