import type { Db } from '@/db/client';
import { env } from '@/lib/env';
import { addDays, dayOf, type ReportDay } from './rollups/report-days';
import { readReport } from './rollups/report';

/** How often each reason refused someone, by the days of REPORT_TIME_ZONE. */
export type RefusalCounts = {
  /** Today and yesterday. */
  sinceYesterday: Record<string, number>;
  /** Today and in the six days before it. */
  inWeek: Record<string, number>;
  /** Days of that week whose sums are still being made. */
  missingDays: ReportDay[];
};

/** Reads how often each rule refused lately. */
export async function readRefusalCounts(db: Db, now: Date): Promise<RefusalCounts> {
  const today = dayOf(now, env().reportTimeZone);
  const first = addDays(today, -6);
  const week = await readReport(db, { first, last: today, only: 'events' }, now);
  // Without a prototype: a reason may have any name.
  const sinceYesterday = Object.create(null) as Record<string, number>;
  for (const { events } of week.series.slice(-2)) {
    for (const [reason, times] of Object.entries(events.refusal)) {
      sinceYesterday[reason] = (sinceYesterday[reason] ?? 0) + times;
    }
  }
  return { sinceYesterday, inWeek: week.period.events.refusal, missingDays: week.missingDays };
}
