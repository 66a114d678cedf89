import { z } from 'zod';
import { text } from '@/app/_forms/read-form';
import { env } from '@/lib/env';
import { addDays, dayOf, readReportDay, startOf } from '@/lib/reporting/rollups/report-days';

const noDay = 'Enter a day, such as 2026-11-24.';

/** A day of a form, `YYYY-MM-DD`. */
export const reportDay = text.transform((typed, context) => {
  const read = readReportDay(typed);
  if (read !== null) return read;
  context.addIssue({ code: 'custom', message: noDay });
  return z.NEVER;
});

/** The time from the beginning of one day to the end of another, in the zone of reports; or what is wrong with these days. */
export function readDays(
  { first, last }: { first: string; last: string },
  now: Date,
):
  | { ok: true; period: { from: Date; to: Date } }
  | { ok: false; fieldErrors: Partial<Record<'first' | 'last', string>> } {
  if (last < first) return { ok: false, fieldErrors: { last: 'This day is before the first one.' } };
  const { reportTimeZone: timeZone } = env();
  if (first > dayOf(now, timeZone)) {
    return { ok: false, fieldErrors: { first: 'This day is still to come.' } };
  }
  return {
    ok: true,
    period: { from: startOf(first, timeZone), to: startOf(addDays(last, 1), timeZone) },
  };
}
