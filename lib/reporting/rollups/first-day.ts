import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { dayOf, type ReportDay } from './report-days';

/** Before this there was no such site: a row that says so was written wrongly. */
const earliest = new Date('2000-01-01T00:00:00Z');

/** The first day on which there was an account or a text; null: there is none yet. */
export async function readFirstDay(db: Db, timeZone: string): Promise<ReportDay | null> {
  const { rows } = await db.execute<{ ms: number | null }>(sql`
    select (extract(epoch from least(
      (select min(created_at) from sms_messages where created_at > ${timestamp(earliest)}),
      (select min(created_at) from users where created_at > ${timestamp(earliest)}))) * 1000)::float8 as ms`);
  const ms = rows[0]?.ms ?? null;
  return ms === null ? null : dayOf(new Date(ms), timeZone);
}
