import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import type { EventKind, RollupKind } from '@/db/schema/reports';
import { timestamp } from '@/db/timestamp';
import { countColumns, moneyColumns, sumAsked, sumEvents, sumPaid, type DaySpan } from './day-sums';
import { latencyBounds } from './latency';
import { listGroups, type Month } from './months';
import type { Sums } from './sums';

/** From one moment to before another. */
export type Moments = { from: Date; to: Date };

/** Sums of what went one way, to people or from them, in one step of the series; or (`key`) those of one purpose in all of them. */
export type StepRow =
  { step: number; way: 'out' | 'inbound'; key: null; sums: Sums } | { key: string; sums: Sums };
export type GroupRow = { kind: RollupKind; key: string; sums: Sums };
/** Of texts that are not summed up yet. */
export type LiveRow = GroupRow & { atMs: number };
/** How often each thing of one kind happened in a step. */
export type EventRow = { kind: EventKind; step: number; times: Record<string, number> };

/** Of which rows the sums are: the days or hours between two moments that `isSummed` lets through. */
type Summed = Moments & { isSummed: SQL };

const within = ({ from, to, isSummed }: Summed) =>
  sql`at >= ${timestamp(from)} and at < ${timestamp(to)} and ${isSummed}`;

const wayOf = sql`case when key = 'inbound' then 'inbound' else 'out' end`;

/** The steps begin at these moments, the first of them where the rows begin. */
const stepOf = (begins: readonly Date[]) =>
  sql`width_bucket(at, ${sql.param(begins.map((at) => at.toISOString()))}::timestamptz[]) - 1`;

/** Texts by step and way, and by purpose. `kind`: of hours or of days. */
export function readSteps(
  db: Db,
  { kind, begins, summed }: { kind: 'hour' | 'purpose'; begins: readonly Date[]; summed: Summed },
): Promise<StepRow[]> {
  return readRows(
    db,
    sql`
    select json_build_object('step', step, 'way', way, 'key', key, 'sums', ${sumsOfRows}) as row
    from (select ${stepOf(begins)} as step, ${wayOf} as way, sms_rollups.* from sms_rollups
      where kind = ${kind} and ${within(summed)}) rows
    group by grouping sets ((step, way), (key))`,
  );
}

/** Texts by purpose. */
export function readPurposes(db: Db, summed: Summed): Promise<GroupRow[]> {
  return readRows(
    db,
    sql`
    select json_build_object('kind', 'purpose', 'key', key, 'sums', ${sumsOfRows}) as row
    from sms_rollups where kind = 'purpose' and ${within(summed)} group by key`,
  );
}

/** Texts by area and by error; `months`: those that have sums of their own. */
export function readGroups(
  db: Db,
  { isSummed, ...moments }: Summed,
  months: readonly Month[],
): Promise<GroupRow[]> {
  return readRows(
    db,
    sql`
    select json_build_object('kind', kind, 'key', key, 'sums', ${buildSums((column) => `sum(${column})`)}) as row
    from (${listGroups(moments, months, isSummed)}) days group by kind, key having ${isAnything}`,
  );
}

/** In the words of `buildSums`, so that nothing is added up twice. */
const isAnything = sql.raw(
  [
    ...countColumns.map((name) => `sum(${name}) <> 0`),
    ...moneyColumns.map((name) => `sum(nullif(${name}, 'NaN'::numeric)) <> 0`),
  ].join(' or '),
);

/** What became of the texts of a day that is not summed up, or of the part of it that is not. */
export async function readLive(db: Db, day: DaySpan): Promise<LiveRow[]> {
  const queries = [sumAsked(day), sumPaid(day)].map(
    (sums) => sql`
    select json_build_object('kind', kind, 'atMs', (extract(epoch from at) * 1000)::float8, 'key', key,
      'sums', ${buildSums((column) => column, 'latencies')}) as row
    from (${sums}) live`,
  );
  return (await Promise.all(queries.map((query) => readRows<LiveRow>(db, query)))).flat();
}

/** What is no text, from the sums of days. */
export function readEvents(db: Db, begins: readonly Date[], summed: Summed): Promise<EventRow[]> {
  return countByStep(db, begins, sql`select kind, at, key, times from event_rollups where ${within(summed)}`);
}

/** The same of a day, or the part of one, that is not summed up. */
export function readLiveEvents(db: Db, begins: readonly Date[], day: DaySpan): Promise<EventRow[]> {
  return countByStep(db, begins, sumEvents(day));
}

function countByStep(db: Db, begins: readonly Date[], events: SQL): Promise<EventRow[]> {
  return readRows(
    db,
    sql`
    select json_build_object('kind', kind, 'step', step, 'times', json_object_agg(key, times)) as row
    from (select kind, ${stepOf(begins)} as step, key, sum(times) as times from (${events}) events group by 1, 2, 3) counted
    group by kind, step`,
  );
}

/** Each row is one value: columns take longer to read one by one. */
async function readRows<Row>(db: Db, query: SQL): Promise<Row[]> {
  const { rows } = await db.execute<{ row: Row }>(query);
  return rows.map(({ row }) => row);
}

/** `figure` says how a column is read. Money that is no number counts as none; it is in whole millionths. */
function buildSums(figure: (column: string) => string, latencies = "'{}'::int[]"): SQL {
  const fields = [
    ...countColumns.map((name) => `'${name}', ${figure(name)}`),
    ...moneyColumns.map(
      (name) =>
        `'${name.replace('_usd', 'Micros')}', coalesce(${figure(`nullif(${name}, 'NaN'::numeric)`)} * 1000000, 0)`,
    ),
    `'latencies', ${latencies}`,
  ];
  return sql`json_build_object(${sql.raw(fields.join(', '))})`;
}

/** Class by class: PostgreSQL adds 25 columns up in a fraction of the time that it takes to take arrays apart. */
const sumsOfRows = buildSums(
  (column) => `sum(${column})`,
  `array[${Array.from({ length: latencyBounds.length + 1 }, (_, n) => `coalesce(sum(latencies[${n + 1}]), 0)`).join(', ')}]`,
);
