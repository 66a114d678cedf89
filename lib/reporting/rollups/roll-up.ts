import { sql, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { isLockTimeout } from '@/db/database-fault';
import { timestamp } from '@/db/timestamp';
import { dayPartOf, keepLedgerFinds, mayBeSummedAgain } from '@/lib/alarms/ledger-checks';
import type { DifferenceKind } from '@/lib/alarms/ledger-kinds';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { canonicalZone } from '@/lib/time-zones';
import { spanOf, sumEvents, sumTexts, type DaySpan } from './day-sums';
import { readFirstDay } from './first-day';
import { forgetMonths } from './months';
import { addDays, dayOf, startOf, type ReportDay } from './report-days';

/** Deliveries and prices are reported days later, too: so many days are summed up again each night. */
const daysAgain = 10;

/**
 * Sums up days that are over and that are not summed up yet in the reports' zone, or not since this day began and among the last ten:
 * the newest first, `limit` at most, each in a transaction of its own. Days before the first text or account are none. What was changed
 * by hand in a day would be gone with its next sum, so a day whose ledgers differ is left as it is, and so is one not yet checked today.
 * Any number of processes may do it at the same time; a day that cannot be summed up is logged and holds up no other. Out: how many
 * days were summed up.
 */
export async function rollUpDays(db: Db, now: Date, limit: number): Promise<number> {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const tonight = startOf(today, timeZone);
  const first = await readFirstDay(db, timeZone);
  if (first === null || first >= today) return 0;
  await dropDaysBefore(db, first, timeZone);
  const { rows } = await db.execute<{ day: ReportDay; unchecked_part: string | null }>(sql`
    select to_char(at, 'YYYY-MM-DD') as day,
      case when rolled.summed_until is null and rolled_at is not null and checked_at < ${timestamp(tonight)} is not false then part end
        as unchecked_part
    from generate_series(${addDays(today, -1)}::date::timestamp, ${first}::date::timestamp, '-1 day') at
    left join rolled_days rolled on rolled.day = at::date and time_zone = ${timeZone}
    left join ledger_checks on part = ${dayPartOf(sql`at`)}
    where rolled.day is null or rolled.summed_until is not null
      or ((rolled_at < ${timestamp(tonight)} and at >= ${addDays(today, -daysAgain)}::date or rolled_at > ${aheadOfSums(now)})
        and ${mayBeSummedAgain(tonight, now)})
    order by 1 desc limit ${2 * limit}`);
  let done = 0;
  for (const { day, unchecked_part: uncheckedPart } of rows) {
    if (done === limit) break;
    try {
      if (uncheckedPart !== null) await noteNotChecked(db, uncheckedPart, now);
      if (await rollUpDay(db, day, { now, timeZone })) done += 1;
    } catch (error) {
      // Another process is at it: a worker waits for it no longer than for any lock.
      if (!isLockTimeout(error)) openLog().error('day_not_summed_up', { day, error });
    }
  }
  return done;
}

/**
 * Removes the sums of other zones before the first day there is in this one: no day of this zone takes their place. What is in the first
 * day itself goes when it is summed up.
 */
async function dropDaysBefore(db: Db, first: ReportDay, timeZone: string): Promise<void> {
  await db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ day: ReportDay; time_zone: string }>(sql`
      delete from rolled_days where day < ${first}::date and time_zone <> ${timeZone}
      returning to_char(day, 'YYYY-MM-DD') as day, time_zone`);
    const end = startOf(first, timeZone);
    for (const { day, time_zone: oldZone } of rows) {
      const old = spanOf(day, canonicalZone(oldZone) ?? timeZone);
      const within = sql`at >= ${timestamp(old.from)} and at < ${timestamp(old.to < end ? old.to : end)}`;
      await tx.execute(sql`delete from sms_rollups where ${within}`);
      await tx.execute(sql`delete from event_rollups where ${within}`);
    }
  });
}

/** Someone has to learn of a day that is summed up again although what was changed in it by hand may have gone unnoticed. */
async function noteNotChecked(db: Db, part: string, now: Date): Promise<void> {
  const found = { kind: 'not_checked' satisfies DifferenceKind, count: 1 };
  await keepLedgerFinds(db, part, { differences: [{ ...found, examples: [] }], now });
  openLog().error('ledgers_differ', { part, ...found });
}

const todayAgainMs = 10 * 60 * 1000;

/** What was summed up later than this was so by a clock that was wrong: nobody knows what had been told by then. */
export function aheadOfSums(now: Date): SQL {
  return timestamp(new Date(now.getTime() + todayAgainMs));
}

/**
 * Sums up today, but for its last twenty to thirty minutes, every ten minutes, so that a report has few single rows left to read
 * however many there are in a day. Most texts have arrived by then, and every code has ended; what is told of them since shows with
 * the next time. Out: 1, or 0 where it was not due.
 */
export async function rollUpToday(db: Db, now: Date): Promise<number> {
  const { reportTimeZone: timeZone } = env();
  const day = dayOf(now, timeZone);
  const { from } = spanOf(day, timeZone);
  const steps = Math.floor((now.getTime() - from.getTime()) / todayAgainMs) - 2;
  if (steps < 1) return 0;
  const until = new Date(from.getTime() + steps * todayAgainMs);
  const before = timestamp(new Date(now.getTime() - todayAgainMs));
  const isDue = sql`rolled.rolled_at <= ${before} or rolled.rolled_at > ${aheadOfSums(now)}`;
  try {
    return (await rollUp(db, { day, timeZone, until, isDue }, now)) ? 1 : 0;
  } catch (error) {
    // Another process is at it.
    if (isLockTimeout(error)) return 0;
    throw error;
  }
}

/** Marks the days from this one on to be summed up again, for a caller that has added texts to days whose sums were made before. */
export async function sumAgainSince(db: Db, first: ReportDay): Promise<void> {
  await db.execute(sql`delete from rolled_days where day >= ${first}::date`);
}

/** A whole day. Out: whether it was still to be done once its turn came. */
async function rollUpDay(
  db: Db,
  day: ReportDay,
  { now, timeZone }: { now: Date; timeZone: string },
): Promise<boolean> {
  const today = timestamp(startOf(dayOf(now, timeZone), timeZone));
  const isDue = sql`rolled.summed_until is not null or rolled.rolled_at < ${today} or rolled.rolled_at > ${aheadOfSums(now)}`;
  return rollUp(db, { day, timeZone, until: null, isDue }, now);
}

/** Sums up a day, up to a moment of it or whole (`until` null), where it was never done in this zone or is due again. */
async function rollUp(
  db: Db,
  { day, timeZone, until, isDue }: { day: ReportDay; timeZone: string; until: Date | null; isDue: SQL },
  now: Date,
): Promise<boolean> {
  const whole = spanOf(day, timeZone);
  return db.transaction(async (tx) => {
    const oldFrom = await readOldFrom(tx, day, whole);
    // Whoever else sums up this day waits here, and then finds it done, or comes again.
    const { rowCount } = await tx.execute(sql`
      insert into rolled_days as rolled (day, time_zone, rolled_at, summed_until)
      values (${day}, ${timeZone}, ${timestamp(now)}, ${until && timestamp(until)})
      on conflict (day) do update set time_zone = excluded.time_zone, rolled_at = excluded.rolled_at,
        summed_until = excluded.summed_until
      where rolled.time_zone <> excluded.time_zone or ${isDue}`);
    if (rowCount === 0) return false;
    await replaceDay(tx, { ...whole, to: until ?? whole.to }, { oldFrom, now });
    await cutNeighbors(tx, day, timeZone);
    await forgetMonths(tx, { first: dayOf(oldFrom, timeZone), last: day }, timeZone);
    return true;
  });
}

/**
 * From where on there are sums of this day, or of what is now a part of the day before and is not summed up in this zone: where it was
 * summed up in another zone, in which it began earlier.
 */
async function readOldFrom(tx: Tx, day: ReportDay, { from, timeZone }: DaySpan): Promise<Date> {
  const { rows } = await tx.execute<{ time_zone: string }>(sql`
    select time_zone from rolled_days where day = ${day} and time_zone <> ${timeZone}
      and not exists (select from rolled_days before where before.day = ${addDays(day, -1)} and before.time_zone = ${timeZone})`);
  const oldZone = canonicalZone(rows[0]?.time_zone);
  const oldFrom = oldZone === null ? from : startOf(day, oldZone);
  return oldFrom < from ? oldFrom : from;
}

/**
 * Days of other zones lie across this one, which has taken some of their sums away or stands among them: they count as summed up to
 * no moment of theirs, so that nobody reads them before they are summed up again, also where the zone is changed back.
 */
async function cutNeighbors(tx: Tx, day: ReportDay, timeZone: string): Promise<void> {
  // Zones are up to 26 hours apart.
  await tx.execute(sql`
    update rolled_days set summed_until = 'epoch'
    where day between ${addDays(day, -2)}::date and ${addDays(day, 2)}::date and time_zone <> ${timeZone}
      and summed_until is distinct from 'epoch'`);
}

/**
 * Replaces the sums of a day, and all sums since `oldFrom`. What came of attempts to verify cannot be counted again once they
 * are erased by their age, so what was counted of it stays.
 */
async function replaceDay(
  tx: Tx,
  span: DaySpan,
  { oldFrom, now }: { oldFrom: Date; now: Date },
): Promise<void> {
  const within = sql`at >= ${timestamp(oldFrom)} and at < ${timestamp(span.to)}`;
  await tx.execute(sql`delete from sms_rollups where ${within}`);
  await tx.execute(sql`
    insert into sms_rollups (kind, at, key, texts, segments, sent, delivered, failed, canceled, held, settled_usd, reserved_usd,
      failed_usd, latencies) ${sumTexts(span)}`);
  const keptSinceMs = now.getTime() - env().retention.attemptsDays * 24 * 3600 * 1000;
  const { rows: counted } = await tx.execute(sql`select from event_rollups where ${within} limit 1`);
  const isKept = span.from.getTime() < keptSinceMs && counted.length > 0;
  const again = isKept ? sql`kind = 'other' and key in ('opted_out', 'registered')` : sql`true`;
  await tx.execute(sql`delete from event_rollups where ${within} and ${again}`);
  await tx.execute(sql`
    insert into event_rollups (kind, at, key, times) select kind, at, key, times from (${sumEvents(span)}) sums where ${again}`);
}
