import { sql, type SQL } from 'drizzle-orm';
import type { EventKind } from '@/db/schema/reports';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { spanOf, type DaySpan } from './day-sums';
import { readFirstDay } from './first-day';
import { listMade, listUsefulMonths, type Month } from './months';
import { addDays, countDays, dayOf, findDaysBefore, startOf, type ReportDay } from './report-days';
import {
  readEvents,
  readGroups,
  readLive,
  readLiveEvents,
  readPurposes,
  readSteps,
  type EventRow,
  type LiveRow,
  type Moments,
} from './report-rows';
import { addSums, addUp, nothing, type Sums } from './sums';

/** How often each thing happened, by its kind and name. */
export type EventCounts = Record<EventKind, Record<string, number>>;

/** A stretch of days and what happened in it. */
export type PeriodSums = { byPurpose: Record<string, Sums>; events: EventCounts };

/** A part of the period: so many days, or an hour of one day. `first` and `last` are its days, or the hour as `HH:MM`. */
export type ReportStep = {
  first: string;
  last: string;
  /** Texts to people. */
  out: Sums;
  /** Texts from people. */
  inbound: Sums;
  events: EventCounts;
};

export type Report = {
  timeZone: string;
  period: PeriodSums;
  /** The days that these are compared with (`findDaysBefore`); nothing unless they were asked for. */
  before: PeriodSums;
  series: ReportStep[];
  byArea: Record<string, Sums>;
  byError: Record<string, Sums>;
  /** Days that are over, and whose sums are still being made: they are missing from all of these. */
  missingDays: ReportDay[];
};

type AskedDays = {
  /** From this day to that one, both counted. */
  first: ReportDay;
  last: ReportDay;
  /** The other part is left empty. */
  only?: 'texts' | 'events';
  /** Also reads the days that these are compared with. */
  compares?: boolean;
  /** A step of the series has so many days, counted from the first; by default 1. One day has a step for each hour. */
  stepDays?: number;
};

/** Days that are not summed up to their end are read from the single rows, so many of them: more is a backlog that is worked off. */
const mostLiveDays = 2;

/**
 * Reads what became of texts, codes and registrations in some days. Days that are over are read from the sums of the last night, the
 * last half hour of today from the single rows.
 */
export async function readReport(db: Db, days: AskedDays, now: Date): Promise<Report> {
  for (let tries = 1; ; tries += 1) {
    const { report, isTorn } = await readOnce(db, days, now);
    if (!isTorn || tries === mostTries) return report;
  }
}

/** Days are summed up every ten minutes at most, so a second time is enough, but for a backlog that is worked off. */
const mostTries = 3;

/** `isTorn`: a day was summed up between two of the statements, so that its texts may count twice or not at all. */
async function readOnce(
  db: Db,
  { first, last, only, compares = false, stepDays = 1 }: AskedDays,
  now: Date,
): Promise<{ report: Report; isTorn: boolean }> {
  const { reportTimeZone: timeZone } = env();
  const span = (day: ReportDay) => spanOf(day, timeZone);
  const earlier = findDaysBefore(first, last);
  const all = { first: compares ? earlier.first : first, last };
  const months = listUsefulMonths(first, last, timeZone);
  const { missingDays, live, state, made } = await findWithoutSums(db, {
    ...all,
    months,
    today: dayOf(now, timeZone),
    timeZone,
  });
  // The sums of a day that has none of its own are of another zone, or of an earlier state.
  const without = [...missingDays.map(span), ...live];
  // Said as ranges, so that PostgreSQL knows how few they leave out: else it would go through all sums there are.
  const gaps = joinSpans(without).map(
    ({ from, to }) => sql`and not (at >= ${timestamp(from)} and at < ${timestamp(to)})`,
  );
  const isSummed = sql`true ${sql.join(gaps, sql` `)}`;
  const steps = first === last ? listHours(first, timeZone) : listSteps({ first, last, stepDays, timeZone });
  const period = { from: span(first).from, to: span(last).to };
  const before = compares ? { from: span(earlier.first).from, to: span(earlier.last).to } : null;
  const isWhole = (month: Month) => !without.some(({ from, to }) => from < month.to && to > month.from);
  const [texts, events, eventsBefore] = await Promise.all([
    only === 'events'
      ? noTexts
      : readTexts(db, {
          ...{ period, before, steps, live },
          kind: first === last ? 'hour' : 'purpose',
          months: made.filter(isWhole),
          isSummed,
        }),
    only === 'texts' ? [] : readCounts(db, { moments: period, steps, live, isSummed }),
    only === 'texts' || before === null
      ? []
      : readCounts(db, { moments: before, steps: [{ at: before.from }], live, isSummed }),
  ]);
  const isTorn = state !== (await readState(db, { ...all, months })).state;
  const eventsAt = steps.map((): EventRow[] => []);
  for (const row of events) eventsAt[row.step]?.push(row);
  return {
    isTorn,
    report: {
      ...{ timeZone, missingDays },
      period: { byPurpose: texts.byPurpose, events: countEvents(events) },
      before: { byPurpose: texts.before, events: countEvents(eventsBefore) },
      series: steps.map((step, index) => ({
        ...{ first: step.first, last: step.last },
        ...(texts.series[index] ?? { out: nothing, inbound: nothing }),
        events: countEvents(eventsAt[index]!),
      })),
      ...{ byArea: texts.byArea, byError: texts.byError },
    },
  };
}

/** A step of a series, and the moment at which it begins. */
type Step = { at: Date; first: string; last: string };

/** Steps of so many days; the last one ends with the period. */
function listSteps({
  first,
  last,
  stepDays,
  timeZone,
}: {
  first: ReportDay;
  last: ReportDay;
  stepDays: number;
  timeZone: string;
}): Step[] {
  return Array.from({ length: Math.ceil(countDays(first, last) / stepDays) }, (_, index) => {
    const begin = addDays(first, index * stepDays);
    const end = addDays(begin, stepDays - 1);
    return { at: startOf(begin, timeZone), first: begin, last: end < last ? end : last };
  });
}

/** The hours of a day: 24, but for those on which the clocks change. */
function listHours(day: ReportDay, timeZone: string): Step[] {
  const to = startOf(addDays(day, 1), timeZone).getTime();
  const format = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone });
  const hours: Step[] = [];
  for (let atMs = startOf(day, timeZone).getTime(); atMs < to; atMs += hourMs) {
    const at = new Date(atMs);
    hours.push({ at, first: format.format(at), last: format.format(at) });
  }
  return hours;
}

const hourMs = 3600 * 1000;

type Texts = Pick<Report, 'byArea' | 'byError'> & {
  byPurpose: Record<string, Sums>;
  before: Record<string, Sums>;
  series: Pick<ReportStep, 'out' | 'inbound'>[];
};

const noTexts: Texts = { byPurpose: {}, before: {}, series: [], byArea: {}, byError: {} };

async function readTexts(
  db: Db,
  {
    kind,
    period,
    before,
    steps,
    live,
    months,
    isSummed,
  }: {
    /** Of which sums the steps are made. */
    kind: 'hour' | 'purpose';
    period: Moments;
    before: Moments | null;
    steps: readonly Step[];
    live: readonly DaySpan[];
    months: readonly Month[];
    isSummed: SQL;
  },
): Promise<Texts> {
  const summed = { ...period, isSummed };
  const [ofSteps, earlier, groups, ...lives] = await Promise.all([
    readSteps(db, { kind, begins: steps.map(({ at }) => at), summed }),
    before === null ? [] : readPurposes(db, { ...before, isSummed }),
    readGroups(db, summed, months),
    ...live.map((day) => readLive(db, day)),
  ]);
  const rows = lives.flat();
  const inPeriod = rows.filter(({ atMs }) => isWithin(atMs, period));
  const of = <Row extends { kind: string }>(list: readonly Row[], wanted: string) =>
    list.filter((row) => row.kind === wanted);
  const series = steps.map(() => ({ out: nothing, inbound: nothing }));
  const add = (step: number, way: 'out' | 'inbound', sums: Sums) => {
    const place = series[step];
    if (place) place[way] = addSums(place[way], sums);
  };
  for (const row of ofSteps) if (row.key === null) add(row.step, row.way, row.sums);
  for (const { atMs, key, sums } of of(inPeriod, kind)) {
    add(
      steps.findLastIndex(({ at }) => at.getTime() <= atMs),
      key === 'inbound' ? 'inbound' : 'out',
      sums,
    );
  }
  const ofBefore = (row: LiveRow) => before !== null && isWithin(row.atMs, before);
  return {
    byPurpose: addUp([
      ...ofSteps.flatMap(({ key, sums }) => (key === null ? [] : { key, sums })),
      ...of(inPeriod, kind),
    ]),
    before: addUp([...earlier, ...of(rows, 'purpose').filter(ofBefore)]),
    series,
    byArea: addUp(of([...groups, ...inPeriod], 'area')),
    byError: addUp(of([...groups, ...inPeriod], 'error')),
  };
}

function isWithin(atMs: number, { from, to }: Moments): boolean {
  return atMs >= from.getTime() && atMs < to.getTime();
}

/** How often what is no text happened in each step between two moments. */
async function readCounts(
  db: Db,
  {
    moments,
    steps,
    live,
    isSummed,
  }: {
    moments: Moments;
    steps: readonly Pick<Step, 'at'>[];
    live: readonly DaySpan[];
    isSummed: SQL;
  },
): Promise<EventRow[]> {
  const begins = steps.map(({ at }) => at);
  const within = live.filter(({ startsAt }) => isWithin(startsAt.getTime(), moments));
  const rows = await Promise.all([
    readEvents(db, begins, { ...moments, isSummed }),
    ...within.map((day) => readLiveEvents(db, begins, day)),
  ]);
  return rows.flat();
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

/** The same stretches, those that follow each other as one: days that are worked off are many and together. */
function joinSpans(spans: readonly Moments[]): Moments[] {
  const joined: Moments[] = [];
  for (const { from, to } of spans.toSorted((a, b) => a.from.getTime() - b.from.getTime())) {
    const last = joined.at(-1);
    if (last === undefined || last.to < from) joined.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return joined;
}

/** Which days of a stretch up to today, or which parts of them, have no sums of their own in this zone, and which months have some. */
async function findWithoutSums(
  db: Db,
  {
    today,
    timeZone,
    ...asked
  }: { first: ReportDay; last: ReportDay; months: readonly Month[]; today: ReportDay; timeZone: string },
): Promise<{ missingDays: ReportDay[]; live: DaySpan[]; state: string; made: Month[] }> {
  const { first, last } = asked;
  const [firstDay, sums] = await Promise.all([readFirstDay(db, timeZone), readState(db, asked)]);
  if (firstDay === null) return { missingDays: [], live: [], ...sums };
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
  return { live, missingDays: rows.slice(0, -mostLiveDays).map(({ day }) => day), ...sums };
}

/** `state` changes with every day that is summed up; `made`: which of the months have sums of their own, at the same moment. */
async function readState(
  db: Db,
  { first, last, months }: { first: ReportDay; last: ReportDay; months: readonly Month[] },
): Promise<{ state: string; made: Month[] }> {
  // Of a month in part of the period, the other days count, too.
  const days = [first, last, ...months.flatMap((month) => [month.first, month.last])].toSorted();
  const { rows } = await db.execute<{ state: string | null; made: number[] | null }>(sql`
    select (select md5(string_agg(rolled::text, ',' order by day)) from rolled_days rolled
        where day between ${days[0]}::date and ${days.at(-1)}::date) as state,
      (${listMade(months)}) as made`);
  const made = new Set(rows[0]?.made);
  return {
    state: rows[0]?.state ?? '',
    made: months.filter(({ from }) => made.has(from.getTime())),
  };
}
