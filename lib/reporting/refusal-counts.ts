import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { env } from '@/lib/env';
import { sumEvents } from './rollups/day-sums';
import { addDays, dayOf, type ReportDay } from './rollups/report-days';
import { readReport } from './rollups/report';

/** How often each reason refused someone. */
export type RefusalCounts = {
  /** In the 24 hours before now. */
  lastDay: Record<string, number>;
  /** Today and in the six days before it, by the days of REPORT_TIME_ZONE. */
  lastWeek: Record<string, number>;
  /** Days of that week whose sums are still being made. */
  missingDays: ReportDay[];
};

const hourMs = 3600 * 1000;

/** Reads how often each rule refused lately. */
export async function readRefusalCounts(db: Db, now: Date): Promise<RefusalCounts> {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const aDayAgo = new Date(now.getTime() - 24 * hourMs);
  const lately = { from: aDayAgo, to: now, startsAt: aDayAgo };
  const [{ rows }, week] = await Promise.all([
    db.execute<{ key: string; times: number }>(sql`
      select key, times::float8 from (${sumEvents(lately)}) events where kind = 'refusal'`),
    readReport(db, { first: addDays(today, -6), last: today, only: 'events' }, now),
  ]);
  // Without a prototype: a reason may have any name.
  const lastDay: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const { key, times } of rows) lastDay[key] = times;
  return { lastDay, lastWeek: week.period.events.refusal, missingDays: week.missingDays };
}
