import { sql, type SQL } from 'drizzle-orm';
import { exportParts, type ExportFormat, type ExportKind, type PackSubject } from '@/db/schema/reports';
import type { Db, Tx } from '@/db/client';
import { isTurn } from '@/db/clock';
import { isDatabaseFault, isStatementTimeout } from '@/db/database-fault';
import { oneMore } from '@/db/one-more';
import { timestamp } from '@/db/timestamp';
import { writeCsvRow } from '@/lib/csv';
import { hideNumbers } from '@/lib/phone/hide-numbers';
import { maskPhone } from '@/lib/phone/parse';
import { exactInstant, readKeyset, writeKeyset } from '@/lib/reporting/keyset';
import { exportKinds } from './export-kinds';
import { mostPackRows } from './pack-rows';
import { continuePack, leasePack, PackLost } from './write-packs';

/** One file holds no more; whoever wants more asks for fewer days at a time. */
const mostRows = 3_000_000;

/** A part is so many rows: it takes some ten milliseconds, so that a text that comes meanwhile hardly waits. */
const rowsPerPart = 1_000;

/** What fails so often in a row is given up. */
const mostFaults = 5;

export type ExportLimits = { mostRows: number; rowsPerPart: number };

/** A pack has more to each row than an export, in three forms, and a page that a browser has to show. */
const packRowsPerPart = 250;

type Job = RowsJob | (Place & { kind: 'evidence'; subject: PackSubject });

type RowsJob = Place & { kind: ExportKind; format: ExportFormat; subject: null };

type Place = {
  id: string;
  whole_numbers: boolean;
  from_at: string;
  to_at: string;
  written_to: string | null;
  rows: string;
  parts: number;
};

/**
 * Writes the next part of the file that waits longest for it, in one transaction: a part is there whole, with the place where the next
 * begins, or not at all. Any number of processes may do so at the same time. Rows are read from the place of the last one on, so
 * nothing is held open in between. Of a pack the transaction takes a lease, under which it is gone on with. Out: whether there was a
 * file to write.
 */
export async function writeNextPart(
  db: Db,
  now: Date,
  {
    onFault,
    limits = { mostRows, rowsPerPart },
  }: {
    onFault: (exportId: string, error: unknown) => void;
    limits?: ExportLimits;
  },
): Promise<boolean> {
  let job: Job | undefined;
  let ticket: string | undefined;
  try {
    await db.transaction(async (tx) => {
      job = await lockNext(tx, now);
      if (job?.kind === 'evidence') ticket = await leasePack(tx, job.id, now);
      else if (job) await writePart(tx, job, now, limits);
    });
    if (job?.kind === 'evidence' && ticket !== undefined) {
      const mostRows = Math.min(limits.mostRows, mostPackRows);
      const rowsPerPart = Math.min(limits.rowsPerPart, packRowsPerPart);
      await continuePack(db, job, ticket, { now, rowsPerPart, mostRows });
    }
  } catch (error) {
    if (!job) throw error;
    // Whoever has it now goes on with it.
    if (error instanceof PackLost) return true;
    onFault(job.id, error);
    // What takes too long may do so for ever, so it counts as a try.
    await putOffExport(db, job.id, { now, counts: !isDatabaseFault(error) || isStatementTimeout(error) });
  }
  return job !== undefined;
}

async function lockNext(tx: Tx, now: Date): Promise<Job | undefined> {
  const { rows } = await tx.execute<Job>(sql`
    select id, kind, format, subject, whole_numbers, from_at, to_at, written_to, rows, parts from export_jobs
    where state = 'writing' and ${isTurn(sql`next_at`, now)} order by next_at limit 1 for update skip locked`);
  return rows[0];
}

async function writePart(tx: Tx, job: RowsJob, now: Date, limits: ExportLimits): Promise<void> {
  const { rows, writtenTo } = await readRows(tx, job, limits.rowsPerPart);
  const count = Number(job.rows) + rows.length;
  const isLast = rows.length < limits.rowsPerPart;
  if (count > limits.mostRows) {
    await tx.execute(sql`
      update export_jobs set state = 'too_large', bytes = 0, parts = 0, ended_at = ${timestamp(now)} where id = ${job.id}`);
    return;
  }
  const data = Buffer.from(writeRows(job, rows), 'utf8');
  const part = job.parts + 1;
  await tx.insert(exportParts).values({ jobId: job.id, part, data });
  await tx.execute(sql`
    update export_jobs set rows = ${count}, bytes = bytes + ${data.length}, parts = ${part}, faults = 0,
      written_to = ${writtenTo ?? job.written_to}, next_at = ${timestamp(now)},
      state = ${isLast ? 'done' : 'writing'}, ended_at = ${isLast ? timestamp(now) : sql`null`}
    where id = ${job.id}`);
}

type ReadRow = Record<string, string | null> & { place_at: string; place_id: string };

async function readRows(
  tx: Tx,
  job: RowsJob,
  limit: number,
): Promise<{ rows: ReadRow[]; writtenTo: string | null }> {
  const { table, at, id, idType, columns } = exportKinds[job.kind];
  const place = readKeyset(job.written_to ?? undefined, idType);
  const idValue = (value: string): SQL => (idType === 'uuid' ? sql`${value}::uuid` : sql`${value}::bigint`);
  const later = place ? sql`(${at}, ${id}) > (${place.at}::timestamptz, ${idValue(place.id)})` : sql`true`;
  const selected = Object.entries(columns).map(([name, value]) => sql`${value} as ${sql.identifier(name)}`);
  const { rows } = await tx.execute<ReadRow>(sql`
    select ${sql.join(selected, sql`, `)}, ${exactInstant(at)} as place_at, ${id}::text as place_id
    from ${table} source
    where ${at} >= ${job.from_at}::timestamptz and ${at} < ${job.to_at}::timestamptz and ${later}
    order by ${at}, ${id} limit ${limit}`);
  const last = rows.at(-1);
  return { rows, writtenTo: last ? writeKeyset({ at: last.place_at, id: last.place_id }) : null };
}

function writeRows(
  { kind, format, whole_numbers: wholeNumbers, parts }: RowsJob,
  rows: readonly ReadRow[],
): string {
  const { columns, phones, words = [] } = exportKinds[kind];
  const names = Object.keys(columns);
  const show = (row: ReadRow, name: string): string | null => {
    const value = row[name] ?? null;
    if (value === null || value === '') return null;
    if (wholeNumbers) return value;
    return phones.includes(name) ? maskPhone(value) : words.includes(name) ? hideNumbers(value) : value;
  };
  if (format === 'jsonl') {
    const write = (row: ReadRow) =>
      `${JSON.stringify(Object.fromEntries(names.map((name) => [name, show(row, name)])))}\n`;
    return rows.map(write).join('');
  }
  const head = parts === 0 ? writeCsvRow(names) : '';
  return head + rows.map((row) => writeCsvRow(names.map((name) => show(row, name)))).join('');
}

/** Puts off a file whose part could not be written, for longer each time. */
async function putOffExport(
  db: Db,
  id: string,
  { now, counts }: { now: Date; counts: boolean },
): Promise<void> {
  const faults = sql`greatest(faults, 0)`;
  await db.execute(sql`
    update export_jobs set faults = ${counts ? oneMore(faults) : sql`faults`},
      next_at = ${timestamp(now)} + interval '10 seconds' * power(2, least(${faults}, 6)),
      state = case when ${counts} and ${faults} >= ${mostFaults - 1} then 'failed' else state end,
      ended_at = case when ${counts} and ${faults} >= ${mostFaults - 1} then ${timestamp(now)} end
    where id = ${id} and state = 'writing'`);
}
