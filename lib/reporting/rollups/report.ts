import { sql, type SQL } from 'drizzle-orm';
import type { EventKind, RollupKind } from '@/db/schema/reports';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { countColumns, moneyColumns, spanOf, sumAsked, sumEvents, sumPaid, type DaySpan } from './day-sums';
import { addLatencies, type Latencies } from './latency';
import { listGroups, listMonths } from './months';
import { readFirstDay } from './first-day';
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
  latencies: Latencies;
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
export async function readReport(db: Db, days: AskedDays, now: Date): Promise<Report> {
  for (let tries = 1; ; tries += 1) {
    const { report, isTorn } = await readOnce(db, days, now);
    if (!isTorn || tries === mostTries) return report;
  }
}

type AskedDays = { first: ReportDay; last: ReportDay; only?: 'texts' | 'events' };

/** Days are summed up every ten minutes at most, so a second time is enough, but for a backlog that is worked off. */
const mostTries = 3;

/** `isTorn`: a day was summed up between two of the statements, so that its texts may count twice or not at all. */
async function readOnce(
  db: Db,
  { first, last, only }: AskedDays,
  now: Date,
): Promise<{ report: Report; isTorn: boolean }> {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const before = findDaysBefore(first, last);
  const span = (day: ReportDay) => spanOf(day, timeZone);
  const isOneDay = first === last;
  const { missingDays, live, state } = await findWithoutSums(db, {
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
    sql`select ${ofText} from sms_rollups where ${kinds(isOneDay ? ['hour', 'purpose'] : ['purpose'])} and ${summed}`,
    ...live.flatMap((day) =>
      [sumAsked(day), sumPaid(day)].map((sums) => sql`select ${ofText} from (${sums}) live`),
    ),
  ];
  const months = listMonths(first, last, timeZone).filter(
    (month) => !without.some(({ from, to }) => from < month.to && to > month.from),
  );
  const groups = listGroups({ from: new Date(begin), to: whole.to }, months, summed);
  const groupQuery = sql`select ${ofGroup} from (${groups}) days group by kind, key`;
  const eventQueries = [
    sql`select ${ofEvents} from event_rollups where ${summed} group by kind, at`,
    ...live.map((day) => sql`select ${ofEvents} from (${sumEvents(day)}) live group by kind, at`),
  ];
  const readAll = async <Row>(queries: readonly SQL[]) =>
    (await Promise.all(queries.map((query) => readRows<Row>(db, query)))).flat();
  const [texts, grouped, events] = await Promise.all([
    only === 'events' ? [] : readAll<TextRow>(textQueries),
    only === 'events' ? [] : readAll<TextRow>([groupQuery]),
    only === 'texts' ? [] : readAll<EventRow>(eventQueries),
  ]);
  const isTorn = state !== (await readState(db, { first: before.first, last }));
  const report = arrange({
    timeZone,
    days: Array.from({ length: countDays(first, last) }, (_, n) => addDays(first, n)),
    missingDays,
    begin,
    endBefore: span(before.last).to.getTime(),
    texts,
    groups: grouped,
    events,
  });
  return { report, isTorn };
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
): Promise<{ missingDays: ReportDay[]; live: DaySpan[]; state: string }> {
  const [firstDay, state] = await Promise.all([readFirstDay(db, timeZone), readState(db, { first, last })]);
  if (firstDay === null) return { missingDays: [], live: [], state };
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
  return { live, missingDays: rows.slice(0, -mostLiveDays).map(({ day }) => day), state };
}

/** Changes with every day that is summed up. */
async function readState(db: Db, { first, last }: { first: ReportDay; last: ReportDay }): Promise<string> {
  const { rows } = await db.execute<{ state: string | null }>(sql`
    select md5(string_agg(rolled::text, ',' order by day)) as state from rolled_days rolled
    where day between ${first}::date and ${last}::date`);
  return rows[0]?.state ?? '';
}

type TextRow = { kind: RollupKind; atMs: number; key: string; sums: Sums };
/** What happened of one kind on one day, by its name. */
type EventRow = { kind: EventKind; atMs: number; times: Record<string, number> };

const atMs = sql`(extract(epoch from at) * 1000)::float8`;

/**
 * A row as one value: a long report has thousands, and their columns take longer to read one by one. `figure` says how a column is
 * read; money that is no number counts as none.
 */
function rowOf({
  at,
  latencies,
  figure,
}: {
  at: SQL;
  latencies: SQL;
  figure: (column: string) => string;
}): SQL {
  const fields = [
    ...countColumns.map((name) => `'${name}', ${figure(name)}::float8`),
    ...moneyColumns.map(
      (name) =>
        `'${name.replace('_usd', 'Micros')}', coalesce(${figure(`nullif(${name}, 'NaN'::numeric)`)} * 1000000, 0)::float8`,
    ),
  ];
  return sql`json_build_object('kind', kind, 'atMs', ${at}, 'key', key, 'sums',
    json_build_object(${sql.raw(fields.join(', '))}, 'latencies', ${latencies})) as row`;
}

const ofText = rowOf({ at: atMs, latencies: sql`latencies`, figure: (column) => column });
const ofGroup = rowOf({ at: sql`0`, latencies: sql`'{}'::int[]`, figure: (column) => `sum(${column})` });
const ofEvents = sql`json_build_object('kind', kind, 'atMs', ${atMs}, 'times', json_object_agg(key, times::float8)) as row`;

function kinds(wanted: readonly RollupKind[]): SQL {
  return sql`kind in (${sql.join(
    wanted.map((kind) => sql`${kind}`),
    sql`, `,
  )})`;
}

async function readRows<Row>(db: Db, query: SQL): Promise<Row[]> {
  const { rows } = await db.execute<{ row: Row }>(query);
  return rows.map(({ row }) => row);
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
  const format = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone });
  const hours: { label: string; atMs: number }[] = [];
  for (let atMs = startOf(day, timeZone).getTime(); atMs < to; atMs += hourMs) {
    hours.push({ label: format.format(new Date(atMs)), atMs });
  }
  return hours;
}

const hourMs = 3600 * 1000;

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
    latencies: addLatencies(a.latencies, b.latencies),
  };
}

function countEvents(rows: readonly EventRow[]): EventCounts {
  const counts = () => Object.create(null) as Record<string, number>;
  const events: EventCounts = { funnel: counts(), refusal: counts(), other: counts() };
  for (const { kind, times } of rows) {
    // A row of another version may have a kind that is unknown here.
    if (!Object.hasOwn(events, kind)) continue;
    for (const [key, n] of Object.entries(times)) events[kind][key] = (events[kind][key] ?? 0) + n;
  }
  return events;
}
