import { sql, type SQL } from 'drizzle-orm';
import type { EventKind, RollupKind } from '@/db/schema/reports';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { spanOf, sumAsked, sumEvents, sumPaid, type DaySpan } from './day-sums';
import { latencyBounds } from './latency';
import { readFirstDay } from './roll-up';
import { addDays, countDays, dayOf, findDaysBefore, startOf, type ReportDay } from './report-days';

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
  /** The days that these are compared with (`findDaysBefore`). */
  before: PeriodSums;
  /** By day of the period; by hour where it is one day. `label` is the day, or the hour as `HH:MM`. */
  series: { label: string; byPurpose: Record<string, Sums>; events: EventCounts }[];
  byArea: Record<string, Sums>;
  byError: Record<string, Sums>;
  /** Days that are over, and whose sums are still being made: they are missing from all of these. */
  missingDays: ReportDay[];
};

/** Days that are not summed up to their end are read from the single rows, so many of them: more is a backlog that is worked off. */
const mostLiveDays = 2;

/**
 * Reads what became of texts, codes and registrations from one day to another (both counted) and in the days before. Days that
 * are over are read from the sums of the last night, the last half hour of today from the single rows. `only`: the other part is left empty, for those
 * who show nothing of it.
 */
export async function readReport(
  db: Db,
  { first, last, only }: { first: ReportDay; last: ReportDay; only?: 'texts' | 'events' },
  now: Date,
): Promise<Report> {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const before = findDaysBefore(first, last);
  const span = (day: ReportDay) => spanOf(day, timeZone);
  const isOneDay = first === last;
  const { missingDays, live } = await findWithoutSums(db, {
    first: before.first,
    last,
    today,
    timeZone,
  });
  const whole = { from: span(before.first).from, to: span(last).to };
  const begin = startOf(first, timeZone).getTime();
  // The sums of a day that has none of its own are of another zone, or of an earlier state.
  const without = [...missingDays.map(span), ...live];
  // Said as ranges, so that PostgreSQL knows how few they leave out: else it would go through all sums there are.
  const gaps = joinSpans(without).map(
    ({ from, to }) => sql`and not (at >= ${timestamp(from)} and at < ${timestamp(to)})`,
  );
  const summed = sql`at >= ${timestamp(whole.from)} and at < ${timestamp(whole.to)} ${sql.join(gaps, sql` `)}`;
  const textQueries = [
    sql`select ${columns} from sms_rollups where ${kinds(isOneDay ? ['hour', 'purpose'] : ['purpose'])} and ${summed}`,
    ...live.flatMap((day) =>
      [sumAsked(day), sumPaid(day)].map((sums) => sql`select ${columns} from (${sums}) live`),
    ),
  ];
  const groupQuery = sql`select kind, 0 as at_ms, key, ${totals}, '{}'::int[] as latencies from sms_rollups
    where ${kinds(['area', 'error'])} and ${summed} and at >= ${timestamp(new Date(begin))} group by kind, key`;
  const eventQueries = [
    sql`select ${eventColumns} from event_rollups where ${summed}`,
    ...live.map((day) => sql`select ${eventColumns} from (${sumEvents(day)}) live`),
  ];
  const readAll = async <Row>(queries: readonly SQL[], read: (db: Db, query: SQL) => Promise<Row[]>) =>
    (await Promise.all(queries.map((query) => read(db, query)))).flat();
  const [texts, groups, events] = await Promise.all([
    only === 'events' ? [] : readAll(textQueries, readTexts),
    only === 'events' ? [] : readTexts(db, groupQuery),
    only === 'texts' ? [] : readAll(eventQueries, readEvents),
  ]);
  return arrange({
    timeZone,
    days: Array.from({ length: countDays(first, last) }, (_, n) => addDays(first, n)),
    missingDays,
    begin,
    endBefore: span(before.last).to.getTime(),
    texts,
    groups,
    events,
  });
}

/** The same stretches, those that follow each other as one: days that are worked off are many and together. */
function joinSpans(spans: readonly Pick<DaySpan, 'from' | 'to'>[]): { from: Date; to: Date }[] {
  const joined: { from: Date; to: Date }[] = [];
  for (const { from, to } of spans.toSorted((a, b) => a.from.getTime() - b.from.getTime())) {
    const last = joined.at(-1);
    if (last === undefined || last.to < from) joined.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return joined;
}

/** Which days of a stretch up to today, or which parts of them, have no sums of their own in this zone. */
async function findWithoutSums(
  db: Db,
  { first, last, today, timeZone }: { first: ReportDay; last: ReportDay; today: ReportDay; timeZone: string },
): Promise<{ missingDays: ReportDay[]; live: DaySpan[] }> {
  const firstDay = await readFirstDay(db, timeZone);
  if (firstDay === null) return { missingDays: [], live: [] };
  const [from, to] = [first > firstDay ? first : firstDay, last < today ? last : today];
  const { rows } = await db.execute<{ day: ReportDay; until_ms: number | null }>(sql`
    select to_char(at, 'YYYY-MM-DD') as day, (extract(epoch from rolled.summed_until) * 1000)::float8 as until_ms
    from generate_series(${from}::date::timestamp, ${to}::date::timestamp, '1 day') at
    left join rolled_days rolled on rolled.day = at::date and rolled.time_zone = ${timeZone}
    where rolled.day is null or rolled.summed_until is not null
    order by 1`);
  const live = rows.slice(-mostLiveDays).map(({ day, until_ms: untilMs }) => {
    const whole = spanOf(day, timeZone);
    const isPartOf = untilMs !== null && untilMs > whole.from.getTime() && untilMs < whole.to.getTime();
    return isPartOf ? { ...whole, from: new Date(untilMs) } : whole;
  });
  return { live, missingDays: rows.slice(0, -mostLiveDays).map(({ day }) => day) };
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
  endBefore,
  texts,
  groups,
  events,
}: {
  timeZone: string;
  days: readonly ReportDay[];
  missingDays: ReportDay[];
  begin: number;
  /** Where the days end that these are compared with. */
  endBefore: number;
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
    before: period((atMs) => atMs < endBefore),
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
  for (const { kind, key, times } of rows) {
    // A row of another version may have a kind that is unknown here.
    if (Object.hasOwn(events, kind)) events[kind][key] = (events[kind][key] ?? 0) + times;
  }
  return events;
}
