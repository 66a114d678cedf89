import { sql, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import type { RollupKind } from '@/db/schema/reports';
import { isLockTimeout } from '@/db/database-fault';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { countColumns, moneyColumns } from './day-sums';
import { readFirstDay } from './first-day';
import { addDays, countDays, dayOf, monthOf, startOf, type ReportDay } from './report-days';

/**
 * What is summed up per month, too: each day has hundreds of areas and errors, and a report of a year would read all of them. The
 * sums of a month are those of its days, or there are none: they go with any change of its days, and are made again when all of
 * them are summed up.
 */
const kindsByMonth = { area: 'month_area', error: 'month_error' } as const satisfies Partial<
  Record<RollupKind, RollupKind>
>;

/** From the first moment of a month to before the first of the next. */
export type Month = { first: ReportDay; last: ReportDay; from: Date; to: Date };

function monthAt(day: ReportDay, timeZone: string): Month {
  const { first, last } = monthOf(day);
  return { first, last, from: startOf(first, timeZone), to: startOf(addDays(last, 1), timeZone) };
}

/** The whole months from one day to another, both counted, the earliest first. */
function listMonths(first: ReportDay, last: ReportDay, timeZone: string): Month[] {
  const months: Month[] = [];
  for (
    let month = monthAt(first, timeZone);
    month.last <= last;
    month = monthAt(addDays(month.last, 1), timeZone)
  ) {
    if (month.first >= first) months.push(month);
  }
  return months;
}

/**
 * The months from one day to another, both counted, whose sums are a shorter way than those of their days, the earliest first: whole
 * months, and those of which fewer days lie outside than inside.
 */
export function listUsefulMonths(first: ReportDay, last: ReportDay, timeZone: string): Month[] {
  return listMonths(monthOf(first).first, monthOf(last).last, timeZone).filter((month) => {
    const inside = countDays(
      month.first > first ? month.first : first,
      month.last < last ? month.last : last,
    );
    return 2 * inside > countDays(month.first, month.last);
  });
}

/**
 * Sums up months that are over, all days of which are summed up in the reports' zone: the latest first, `limit` at most, each in a
 * transaction of its own. Any number of processes may do it at the same time. Out: how many were summed up.
 */
export async function rollUpMonths(db: Db, now: Date, limit: number): Promise<number> {
  const { reportTimeZone: timeZone } = env();
  const firstDay = await readFirstDay(db, timeZone);
  if (firstDay === null) return 0;
  const months = listMonths(monthOf(firstDay).first, addDays(dayOf(now, timeZone), -1), timeZone);
  if (months.length === 0) return 0;
  const moments = (of: (month: Month) => Date) =>
    sql`${sql.param(months.map((month) => of(month).toISOString()))}::timestamptz[]`;
  const { rows } = await db.execute<{ n: number }>(sql`
    select n::int from unnest(${moments(({ from }) => from)}, ${moments(({ to }) => to)}) with ordinality month (begins, ends, n)
    where exists (select from sms_rollups where kind = 'area' and at >= begins and at < ends)
      and not exists (select from sms_rollups where kind = ${kindsByMonth.area} and at = begins)
    order by n desc`);
  let done = 0;
  for (const { n } of rows) {
    if (done === limit) break;
    try {
      if (await rollUpMonth(db, months[n - 1]!, { firstDay, timeZone })) done += 1;
    } catch (error) {
      // A day of it is being summed up: the month waits for its next turn.
      if (!isLockTimeout(error))
        openLog().error('month_not_summed_up', { month: months[n - 1]!.first, error });
    }
  }
  return done;
}

async function rollUpMonth(
  db: Db,
  { first, last, from, to }: Month,
  { firstDay, timeZone }: { firstDay: ReportDay; timeZone: string },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    // Whoever changes the sums of one of these days waits for this to end, and takes the month away again.
    const { rows: days } = await tx.execute<{ is_whole: boolean }>(sql`
      select time_zone = ${timeZone} and summed_until is null as is_whole from rolled_days
      where day between ${first}::date and ${last}::date order by day for share`);
    const known = countDays(first > firstDay ? first : firstDay, last);
    if (days.length < known || days.some(({ is_whole: isWhole }) => !isWhole)) return false;
    await tx.execute(sql`
      insert into sms_rollups (kind, at, key, ${columns})
      select case kind when 'area' then ${kindsByMonth.area} else ${kindsByMonth.error} end, ${timestamp(from)}, key, ${totals}
      from (${daysBetween({ from, to })}) days group by kind, key
      on conflict do nothing`);
    return true;
  });
}

const columns = sql.raw([...countColumns, ...moneyColumns].join(', '));
/** Money of a broken row may be no number: it is left out, as what it is added to would be none either. */
const totals = sql.raw(
  [
    ...countColumns.map((name) => `sum(${name})`),
    ...moneyColumns.map((name) => `coalesce(sum(nullif(${name}, 'NaN'::numeric)), 0)`),
  ].join(', '),
);

/** What is taken off: days outside of a stretch that the sums of their month hold. */
const takenOff = sql.raw([...countColumns, ...moneyColumns].map((name) => `-${name} as ${name}`).join(', '));

type Stretch = Pick<Month, 'from' | 'to'>;

function daysBetween({ from, to }: Stretch, selected = columns): SQL {
  return sql`select kind, key, ${selected} from sms_rollups
    where kind in ('area', 'error') and at >= ${timestamp(from)} and at < ${timestamp(to)}`;
}

/** The moments at which months begin that have sums of their own, of those that begin at some moments: as an array. */
export function listMade(months: readonly Month[]): SQL {
  return sql`
    select array_agg((extract(epoch from begins) * 1000)::float8)
    from unnest(${sql.param(months.map(({ from }) => from.toISOString()))}::timestamptz[]) begins
      cross join lateral (select from sms_rollups where kind = ${kindsByMonth.area} and at = begins limit 1) one`;
}

/**
 * The sums of areas and errors between two moments, as rows of kind, key and counts, which are to be added up: those of the given
 * months, all of which have some, less those of their days that lie outside; and those of each other day that `isSummed` lets through.
 * What is outside alone adds up to nothing.
 */
export function listGroups({ from, to }: Stretch, months: readonly Month[], isSummed: SQL): SQL {
  const others: Stretch[] = [];
  let begin = from;
  for (const month of months) {
    if (begin < month.from) others.push({ from: begin, to: month.from });
    begin = month.to;
  }
  if (begin < to) others.push({ from: begin, to });
  const outside = months.flatMap((month): Stretch[] => [
    ...(month.from < from ? [{ from: month.from, to: from }] : []),
    ...(month.to > to ? [{ from: to, to: month.to }] : []),
  ]);
  const ofMonths = sql`
    select case kind when ${kindsByMonth.area} then 'area' else 'error' end as kind, key, ${columns} from sms_rollups
    where kind in (${kindsByMonth.area}, ${kindsByMonth.error})
      and at = any(${sql.param(months.map((month) => month.from.toISOString()))}::timestamptz[])`;
  return sql.join(
    [
      ofMonths,
      ...others.map((stretch) => sql`${daysBetween(stretch)} and ${isSummed}`),
      ...outside.map((stretch) => daysBetween(stretch, takenOff)),
    ],
    sql` union all `,
  );
}

/**
 * Takes the sums away of each month that has a day between the one and the other, both counted, since these days change: also the
 * sums by another zone, whose months begin up to 26 hours earlier or later.
 */
export async function forgetMonths(
  tx: Tx,
  { first, last }: { first: ReportDay; last: ReportDay },
  timeZone: string,
): Promise<void> {
  const [begin, end] = [monthAt(first, timeZone).from, monthAt(last, timeZone).from];
  await tx.execute(sql`
    delete from sms_rollups where kind in (${kindsByMonth.area}, ${kindsByMonth.error})
      and at between ${timestamp(begin)} - interval '26 hours' and ${timestamp(end)} + interval '26 hours'`);
}
