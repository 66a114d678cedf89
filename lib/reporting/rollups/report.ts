import { sql, type SQL } from 'drizzle-orm';
import type { EventKind, RollupKind } from '@/db/schema/reports';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { sumEvents, sumTexts, type DaySpan } from './day-sums';
import { latencyBounds } from './latency';
import { readFirstDay } from './roll-up';
import { addDays, countDays, dayOf, startOf, type ReportDay } from './report-days';

/** What became of some texts. Money is in whole millionths of a dollar. */
export type Sums = {
  texts: number;
  segments: number;
  sent: number;
  delivered: number;
  failed: number;
  canceled: number;
  held: number;
  settledMicros: number;
  reservedMicros: number;
  /** The part of `settledMicros` that was paid for texts that failed. */
  failedMicros: number;
  latencies: number[];
};

/** How often each thing happened, by its kind and name. */
export type EventCounts = Record<EventKind, Record<string, number>>;

/** A stretch of days and what happened in it. */
export type PeriodSums = { byPurpose: Record<string, Sums>; events: EventCounts };

export type Report = {
  timeZone: string;
  period: PeriodSums;
  /** As many days, just before. */
  before: PeriodSums;
  /** By day of the period; by hour where it is one day. `label` is the day, or the hour as `HH:MM`. */
  series: { label: string; byPurpose: Record<string, Sums>; events: EventCounts }[];
  byArea: Record<string, Sums>;
  byError: Record<string, Sums>;
  /** Days that are over, and whose sums are still being made: they are missing from all of these. */
  missingDays: ReportDay[];
};

/** Days that are not summed up are read from the single rows, so many of them: more is a backlog that is being worked off. */
const mostLiveDays = 2;

/**
 * Reads what became of texts, codes and registrations from one day to another (both counted) and in the days before. Days that
 * are over are read from the sums of the last night, today from the single rows.
 */
export async function readReport(
  db: Db,
  { first, last }: { first: ReportDay; last: ReportDay },
  now: Date,
): Promise<Report> {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const firstBefore = addDays(first, -countDays(first, last));
  const span = (day: ReportDay): DaySpan => ({
    from: startOf(day, timeZone),
    to: startOf(addDays(day, 1), timeZone),
    timeZone,
  });
  const isOneDay = first === last;
  const { missingDays, liveDays } = await findDaysWithoutSums(db, {
    first: firstBefore,
    last,
    today,
    timeZone,
  });
  const live = liveDays.map(span);
  const whole = { from: startOf(firstBefore, timeZone), to: span(last).to };
  const begin = startOf(first, timeZone).getTime();
  // The sums of a day that has none of its own are of another zone, or of an earlier state.
  const without = [...missingDays, ...liveDays].map(span);
  const moments = (pick: (day: DaySpan) => Date) =>
    sql`array[${sql.join(
      without.map((day) => timestamp(pick(day))),
      sql`, `,
    )}]::timestamptz[]`;
  const summed = sql`at >= ${timestamp(whole.from)} and at < ${timestamp(whole.to)}
    and not exists (select from unnest(${moments(({ from }) => from)}, ${moments(({ to }) => to)}) as gap (since, until)
      where at >= since and at < until)`;
  const [texts, groups, events, liveTexts, liveEvents] = await Promise.all([
    readTexts(
      db,
      sql`select ${columns} from sms_rollups where ${kinds(isOneDay ? ['hour', 'purpose'] : ['purpose'])} and ${summed}`,
    ),
    readTexts(
      db,
      sql`select kind, 0 as at_ms, key, ${totals}, '{}'::int[] as latencies from sms_rollups
        where ${kinds(['area', 'error'])} and ${summed} and at >= ${timestamp(new Date(begin))} group by kind, key`,
    ),
    readEvents(db, sql`select ${eventColumns} from event_rollups where ${summed}`),
    Promise.all(live.map((day) => readTexts(db, sql`select ${columns} from (${sumTexts(day)}) live`))),
    Promise.all(live.map((day) => readEvents(db, sql`select ${eventColumns} from (${sumEvents(day)}) live`))),
  ]);
  return arrange({
    timeZone,
    days: Array.from({ length: countDays(first, last) }, (_, n) => addDays(first, n)),
    missingDays,
    begin,
    texts: [...texts, ...liveTexts.flat()],
    groups,
    events: [...events, ...liveEvents.flat()],
  });
}

/** Which days of a stretch up to today have no sums of their own in this zone. */
async function findDaysWithoutSums(
  db: Db,
  { first, last, today, timeZone }: { first: ReportDay; last: ReportDay; today: ReportDay; timeZone: string },
): Promise<{ missingDays: ReportDay[]; liveDays: ReportDay[] }> {
  const firstDay = await readFirstDay(db, timeZone);
  if (firstDay === null) return { missingDays: [], liveDays: [] };
  const [from, to] = [first > firstDay ? first : firstDay, last < today ? last : today];
  const { rows } = await db.execute<{ day: ReportDay }>(sql`
    select to_char(at, 'YYYY-MM-DD') as day
    from generate_series(${from}::date::timestamp, ${to}::date::timestamp, '1 day') at
    where not exists (select from rolled_days r where r.day = at::date and r.time_zone = ${timeZone})
    order by 1`);
  const days = rows.map(({ day }) => day);
  return { liveDays: days.slice(-mostLiveDays), missingDays: days.slice(0, -mostLiveDays) };
}

type TextRow = { kind: RollupKind; atMs: number; key: string; sums: Sums };
type EventRow = { kind: EventKind; atMs: number; key: string; times: number };

const counts = ['texts', 'segments', 'sent', 'delivered', 'failed', 'canceled', 'held'] as const;
const money = ['settled', 'reserved', 'failed'] as const;
const atMs = sql`(extract(epoch from at) * 1000)::float8 as at_ms`;
const columns = sql`kind, ${atMs}, key, ${sql.raw(counts.map((name) => `${name}::float8`).join(', '))},
  ${sql.raw(money.map((name) => `(${name}_usd * 1000000)::float8 as ${name}_micros`).join(', '))}, latencies`;
const totals = sql.raw(
  [
    ...counts.map((name) => `sum(${name})::float8 as ${name}`),
    ...money.map((name) => `(sum(${name}_usd) * 1000000)::float8 as ${name}_micros`),
  ].join(', '),
);
const eventColumns = sql`kind, ${atMs}, key, times::float8`;

function kinds(wanted: readonly RollupKind[]): SQL {
  return sql`kind in (${sql.join(
    wanted.map((kind) => sql`${kind}`),
    sql`, `,
  )})`;
}

async function readTexts(db: Db, query: SQL): Promise<TextRow[]> {
  const { rows } = await db.execute<
    Record<(typeof counts)[number] | 'settled_micros' | 'reserved_micros' | 'failed_micros', number> & {
      kind: RollupKind;
      at_ms: number;
      key: string;
      latencies: number[];
    }
  >(query);
  return rows.map((row) => ({
    kind: row.kind,
    atMs: row.at_ms,
    key: row.key,
    sums: {
      texts: row.texts,
      segments: row.segments,
      sent: row.sent,
      delivered: row.delivered,
      failed: row.failed,
      canceled: row.canceled,
      held: row.held,
      settledMicros: Math.round(row.settled_micros),
      reservedMicros: Math.round(row.reserved_micros),
      failedMicros: Math.round(row.failed_micros),
      latencies: row.latencies,
    },
  }));
}

async function readEvents(db: Db, query: SQL): Promise<EventRow[]> {
  const { rows } = await db.execute<{ kind: EventKind; at_ms: number; key: string; times: number }>(query);
  return rows.map(({ kind, at_ms: atMs, key, times }) => ({ kind, atMs, key, times }));
}

/** Puts rows of whole days into their periods, and adds those up that are of one kind. */
function arrange({
  timeZone,
  days,
  missingDays,
  begin,
  texts,
  groups,
  events,
}: {
  timeZone: string;
  days: readonly ReportDay[];
  missingDays: ReportDay[];
  begin: number;
  texts: readonly TextRow[];
  groups: readonly TextRow[];
  events: readonly EventRow[];
}): Report {
  const isOneDay = days.length === 1;
  const labels = isOneDay
    ? listHours(days[0]!, timeZone)
    : days.map((day) => ({ label: day, atMs: startOf(day, timeZone).getTime() }));
  const period = (isWanted: (atMs: number) => boolean): PeriodSums => ({
    byPurpose: addUp(texts.filter(({ kind, atMs }) => kind === 'purpose' && isWanted(atMs))),
    events: countEvents(events.filter(({ atMs }) => isWanted(atMs))),
  });
  const inPeriod = (atMs: number) => atMs >= begin;
  const group = (wanted: RollupKind): Record<string, Sums> =>
    addUp([
      ...groups.filter(({ kind }) => kind === wanted),
      ...texts.filter(({ kind, atMs }) => kind === wanted && inPeriod(atMs)),
    ]);
  const stepOf = new Map(labels.map(({ atMs }, index) => [atMs, index]));
  const textsAt = labels.map((): TextRow[] => []);
  for (const row of texts) {
    if (row.kind === (isOneDay ? 'hour' : 'purpose')) textsAt[stepOf.get(row.atMs) ?? -1]?.push(row);
  }
  const eventsAt = labels.map((): EventRow[] => []);
  for (const row of events) eventsAt[stepOf.get(row.atMs) ?? -1]?.push(row);
  return {
    timeZone,
    missingDays,
    period: period(inPeriod),
    before: period((atMs) => !inPeriod(atMs)),
    series: labels.map(({ label }, index) => ({
      label,
      byPurpose: addUp(textsAt[index]!),
      events: countEvents(eventsAt[index]!),
    })),
    byArea: group('area'),
    byError: group('error'),
  };
}

/** The hours of a day: 24, but for those on which the clocks change. */
function listHours(day: ReportDay, timeZone: string): { label: string; atMs: number }[] {
  const to = startOf(addDays(day, 1), timeZone).getTime();
  const hours: { label: string; atMs: number }[] = [];
  for (let atMs = startOf(day, timeZone).getTime(); atMs < to; atMs += hourMs) {
    hours.push({ label: sayHour(atMs, timeZone), atMs });
  }
  return hours;
}

const hourMs = 3600 * 1000;

function sayHour(atMs: number, timeZone: string): string {
  return new Date(atMs).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', timeZone });
}

function addUp(rows: readonly TextRow[]): Record<string, Sums> {
  // Without a prototype: a key may have any name.
  const sums: Record<string, Sums> = Object.create(null) as Record<string, Sums>;
  for (const row of rows) sums[row.key] = addSums(sums[row.key] ?? nothing, row.sums);
  return sums;
}

/** What nothing adds up to. */
export const nothing: Sums = {
  ...{ texts: 0, segments: 0, sent: 0, delivered: 0, failed: 0, canceled: 0, held: 0 },
  ...{ settledMicros: 0, reservedMicros: 0, failedMicros: 0, latencies: [] },
};

/** Adds two sums up, class by class where it is about time. */
export function addSums(a: Sums, b: Sums): Sums {
  const add = (name: Exclude<keyof Sums, 'latencies'>) => a[name] + b[name];
  const longest = a.latencies.length > 0 || b.latencies.length > 0 ? latencyBounds.length + 1 : 0;
  return {
    texts: add('texts'),
    segments: add('segments'),
    sent: add('sent'),
    delivered: add('delivered'),
    failed: add('failed'),
    canceled: add('canceled'),
    held: add('held'),
    settledMicros: add('settledMicros'),
    reservedMicros: add('reservedMicros'),
    failedMicros: add('failedMicros'),
    latencies: Array.from({ length: longest }, (_, n) => (a.latencies[n] ?? 0) + (b.latencies[n] ?? 0)),
  };
}

function countEvents(rows: readonly EventRow[]): EventCounts {
  const counts = () => Object.create(null) as Record<string, number>;
  const events: EventCounts = { funnel: counts(), refusal: counts(), other: counts() };
  for (const { kind, key, times } of rows) events[kind][key] = (events[kind][key] ?? 0) + times;
  return events;
}
