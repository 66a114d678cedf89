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

/** Reads a day that exists, from 2000 to 2199; null for anything else. */
export function readReportDay(text: string | undefined): ReportDay | null {
  if (!/^2[01]\d\d-\d\d-\d\d$/.test(text ?? '')) return null;
  try {
    return Temporal.PlainDate.from(text!, { overflow: 'reject' }).toString();
  } catch {
    return null;
  }
}
