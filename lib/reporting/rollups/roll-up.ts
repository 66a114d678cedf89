import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { isLockTimeout } from '@/db/database-fault';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { sumEvents, sumTexts, type DaySpan } from './day-sums';
import { addDays, dayOf, startOf, type ReportDay } from './report-days';

/** Deliveries and prices are reported days later, too: so many days are summed up again each night. */
const daysAgain = 10;

/**
 * Sums up days that are over and that are not summed up yet in the reports' zone, or not since this day began and among the last ten:
 * the newest first, `limit` at most, each in a transaction of its own. Days before the first text or account are none.
 * Any number of processes may do it at the same time; a day that cannot be summed up is logged and holds up no other. Out: how many
 * days were summed up.
 */
export async function rollUpDays(db: Db, now: Date, limit: number): Promise<number> {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const first = await readFirstDay(db, timeZone);
  if (first === null || first >= today) return 0;
  const { rows } = await db.execute<{ day: ReportDay }>(sql`
    select to_char(at, 'YYYY-MM-DD') as day
    from generate_series(${addDays(today, -1)}::date::timestamp, ${first}::date::timestamp, '-1 day') at
    left join rolled_days rolled on rolled.day = at::date and time_zone = ${timeZone}
    where rolled.day is null
      or (rolled_at < ${timestamp(startOf(today, timeZone))} and at >= ${addDays(today, -daysAgain)}::date)
    order by 1 desc limit ${2 * limit}`);
  let done = 0;
  for (const { day } of rows) {
    if (done === limit) break;
    try {
      if (await rollUpDay(db, day, { now, timeZone })) done += 1;
    } catch (error) {
      // Another process is at it: a worker waits for it no longer than for any lock.
      if (!isLockTimeout(error)) openLog().error('day_not_summed_up', { day, error });
    }
  }
  return done;
}

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

/** Out: whether it was still to be done once its turn came. */
async function rollUpDay(
  db: Db,
  day: ReportDay,
  { now, timeZone }: { now: Date; timeZone: string },
): Promise<boolean> {
  const from = startOf(day, timeZone);
  const to = startOf(addDays(day, 1), timeZone);
  const today = timestamp(startOf(dayOf(now, timeZone), timeZone));
  return db.transaction(async (tx) => {
    // Whoever else sums up this day waits here, and then finds it done, or comes again.
    const { rowCount } = await tx.execute(sql`
      insert into rolled_days as rolled (day, time_zone, rolled_at) values (${day}, ${timeZone}, ${timestamp(now)})
      on conflict (day) do update set time_zone = excluded.time_zone, rolled_at = excluded.rolled_at
      where rolled.time_zone <> excluded.time_zone or rolled.rolled_at < ${today}`);
    if (rowCount === 0) return false;
    await replaceDay(tx, { from, to, timeZone }, now);
    return true;
  });
}

/** What is older than attempts to verify are kept for cannot be counted again, so what was counted of it stays. */
async function replaceDay(tx: Tx, span: DaySpan, now: Date): Promise<void> {
  const within = sql`at >= ${timestamp(span.from)} and at < ${timestamp(span.to)}`;
  await tx.execute(sql`delete from sms_rollups where ${within}`);
  await tx.execute(sql`
    insert into sms_rollups (kind, at, key, texts, segments, sent, delivered, failed, canceled, held, settled_usd, reserved_usd,
      failed_usd, latencies) ${sumTexts(span)}`);
  const keptSinceMs = now.getTime() - env().retention.attemptsDays * 24 * 3600 * 1000;
  const { rows: counted } = await tx.execute(sql`select from event_rollups where ${within} limit 1`);
  if (span.from.getTime() < keptSinceMs && counted.length > 0) return;
  await tx.execute(sql`delete from event_rollups where ${within}`);
  await tx.execute(sql`insert into event_rollups (kind, at, key, times) ${sumEvents(span)}`);
}
