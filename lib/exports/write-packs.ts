import { createHash } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import { exportParts, packPieces, type PackSubject } from '@/db/schema/reports';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { isWholeSince } from '@/lib/accounts/deletion-mark';
import { env } from '@/lib/env';
import { readKeyset, writeKeyset, type Keyset } from '@/lib/reporting/keyset';
import packageFile from '@/package.json' with { type: 'json' };
import {
  sectionEnd,
  writePageEnd,
  writePageHead,
  writePageRow,
  writeSectionHead,
  type PackHead,
} from './pack-page';
import { packSections, readPackRows, type PackSection } from './pack-rows';
import { packFormat, publicPackKey, signManifest } from './pack-signature';
import { writeSealedZip, type ZipEntry } from './pack-zip';
import { writePackCsv, writePackJson } from './write-pack-rows';

/** A pack as its job has it. */
export type PackJob = {
  id: string;
  subject: PackSubject;
  from_at: string;
  to_at: string;
  written_to: string | null;
  rows: string;
  parts: number;
};

/** Whoever writes a part has so long for it; then the pack is anyone's again. Each piece of the ZIP starts that time again. */
const leaseMs = 60_000;

/** The files of the rows of a section, and its part of the page. */
const fileNames = (section: PackSection) => ({
  json: `${section}.json`,
  csv: `${section}.csv`,
  page: `${section}.html`,
});

const pageFile = 'evidence.html';

/** Takes a pack to be gone on with, in the transaction that found it: nobody else takes it meanwhile. Out: the ticket. */
export async function leasePack(tx: Tx, id: string, now: Date): Promise<string> {
  const ticket = new Date(now.getTime() + leaseMs).toISOString();
  await tx.execute(sql`update export_jobs set next_at = ${ticket}::timestamptz where id = ${id}`);
  return ticket;
}

/** Where a pack is: in which section, and behind which of its rows (null: at its beginning); or only the ZIP is missing. */
type Place = { section: PackSection; row: Keyset | null } | 'zip';

function readPlace(text: string | null): Place {
  if (text === null) return { section: packSections[0], row: null };
  const [name = '', row] = text.split('@');
  if (name === 'zip') return 'zip';
  const section = packSections.find((each) => each === name);
  if (section === undefined) throw new Error('A pack is at no place that there is');
  if (row === '') return { section, row: null };
  const at = readKeyset(row, section === 'messages' ? 'uuid' : 'number');
  if (at === null) throw new Error('A pack is at no row that there is');
  return { section, row: at };
}

/**
 * Writes the next part of a pack: so many rows of one section, in every form that they have; or, behind the last of them, the ZIP. Rows
 * are read outside any transaction, and what they became is written with the place of the last of them, in one, by whoever holds the
 * ticket alone. So a part is there once, whoever was killed in between. The pack of an account that is deleted meanwhile, whose texts do
 * not name it any more, ends so, from the moment on at which its owner has decided it.
 */
export async function continuePack(
  db: Db,
  job: PackJob,
  ticket: string,
  { now, rowsPerPart, mostRows }: { now: Date; rowsPerPart: number; mostRows: number },
): Promise<void> {
  const place = readPlace(job.written_to);
  try {
    if (place === 'zip') await writeZip(db, job, ticket, now);
    else await writeRows(db, job, ticket, place, { now, rowsPerPart, mostRows });
  } catch (error) {
    if (!(error instanceof SubjectGone)) throw error;
    await endAsGone(db, job.id, now);
  }
}

async function writeRows(
  db: Db,
  job: PackJob,
  ticket: string,
  { section, row }: { section: PackSection; row: Keyset | null },
  { now, rowsPerPart, mostRows }: { now: Date; rowsPerPart: number; mostRows: number },
): Promise<void> {
  const [from, to] = [new Date(job.from_at), new Date(job.to_at)];
  const timeZone = env().reportTimeZone;
  const asked = { subject: job.subject, from, to, now };
  const { rows, last } = await readPackRows(db, section, asked, row, rowsPerPart);
  const isFirst = row === null;
  const names = fileNames(section);
  const texts = {
    [names.json]: writePackJson(rows, isFirst),
    [names.csv]: writePackCsv(section, rows, isFirst),
    [names.page]: rows.map((each) => writePageRow(section, each, timeZone)).join(''),
  };
  const part = job.parts + 1;
  const pieces = Object.entries(texts).map(([file, text]) => ({
    ...{ jobId: job.id, file, part, rows: rows.length },
    data: Buffer.from(text, 'utf8'),
  }));
  const count = Number(job.rows) + rows.length;
  const bytes = pieces.reduce((sum, { data }) => sum + data.length, 0);
  const isLast = rows.length < rowsPerPart;
  const next = packSections[packSections.indexOf(section) + 1];
  const goesOn = isLast ? (next === undefined ? 'zip@' : `${next}@`) : `${section}@${writeKeyset(last!)}`;
  const isTooLarge = count > mostRows;
  await db.transaction(async (tx) => {
    await keep(
      tx,
      job,
      ticket,
      isTooLarge
        ? sql`state = 'too_large', bytes = 0, parts = 0, ended_at = ${timestamp(now)}, next_at = ${timestamp(now)}`
        : sql`rows = ${count}, bytes = bytes + ${bytes}, parts = ${part}, faults = 0, written_to = ${goesOn}, next_at = ${timestamp(now)}`,
    );
    if (!isTooLarge) await tx.insert(packPieces).values(pieces);
  });
}

/** Changes the row of a pack for whoever holds its ticket, as long as the account that it is about is whole; locks it. */
async function keep(tx: Tx, { id, subject }: PackJob, ticket: string, set: SQL): Promise<void> {
  const isThere =
    subject.kind === 'number' ? sql`true` : isWholeSince(subject.userId, sql`export_jobs.created_at`);
  const { rows } = await tx.execute<{ is_there: boolean }>(sql`
    update export_jobs set ${set} where id = ${id} and state = 'writing' and next_at = ${ticket}::timestamptz
    returning ${isThere} as is_there`);
  if (!rows[0]) throw new PackLost();
  if (!rows[0].is_there) throw new SubjectGone();
}

/** The account that the pack is about was deleted, or is being deleted: what is read names it no more. */
class SubjectGone extends Error {
  override name = 'SubjectGone';
}

/** Ends a pack whose account is gone, and forgets whom it was about. */
async function endAsGone(db: Db, id: string, now: Date): Promise<void> {
  await db.execute(sql`
    update export_jobs set state = 'subject_gone', subject = null, rows = 0, bytes = 0, parts = 0,
      ended_at = ${timestamp(now)}, next_at = ${timestamp(now)} where id = ${id} and state = 'writing'`);
}

/** The pack was removed, or someone else goes on with it: what was being written is nobody's. */
export class PackLost extends Error {
  override name = 'PackLost';
}

/**
 * Writes the ZIP from the beginning, a piece at a time, each of which renews the lease; then the job is done. What it was made of
 * is removed later (`pruneExports`).
 */
async function writeZip(db: Db, job: PackJob, ticket: string, now: Date): Promise<void> {
  const { id } = job;
  const begunMs = performance.now();
  let held = ticket;
  await db.transaction(async (tx) => {
    await keep(tx, job, held, sql`bytes = 0, parts = 0`);
    await tx.execute(sql`delete from export_parts where job_id = ${id}`);
  });
  const [secret] = env().authSecrets;
  const entries = await listEntries(db, job, now);
  let [part, bytes] = [0, 0];
  for await (const data of writeSealedZip(entries, { at: now, secret })) {
    [part, bytes] = [part + 1, bytes + data.length];
    const renewed = new Date(now.getTime() + (performance.now() - begunMs) + leaseMs).toISOString();
    await db.transaction(async (tx) => {
      await keep(tx, job, held, sql`bytes = ${bytes}, parts = ${part}, next_at = ${renewed}::timestamptz`);
      await tx.insert(exportParts).values({ jobId: id, part, data });
    });
    held = renewed;
  }
  await db.transaction(async (tx) => {
    await keep(
      tx,
      job,
      held,
      sql`state = 'done', faults = 0, ended_at = ${timestamp(now)}, next_at = ${timestamp(now)}`,
    );
  });
}

/** The files of a pack in their order. The manifest comes behind what it lists, and its signature behind that. */
async function listEntries(db: Db, job: PackJob, now: Date): Promise<ZipEntry[]> {
  const head = await readHead(db, job, now);
  const listed: { name: string; bytes: number; sha256: string; rows?: number }[] = [];
  const list = (name: string, rows: number | undefined, read: ZipEntry['read']): ZipEntry => ({
    name,
    read: async function* () {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const data of read()) {
        hash.update(data);
        bytes += data.length;
        yield data;
      }
      listed.push({ name, bytes, sha256: hash.digest('hex'), ...(rows === undefined ? {} : { rows }) });
    },
  });
  const page = list(pageFile, undefined, () => readPage(db, job, head));
  const files = packSections.flatMap((section) => {
    const { json, csv } = fileNames(section);
    const rows = head.counts[section];
    const array = () => surround('[', readPieces(db, job.id, json), '\n]\n');
    return [list(json, rows, array), list(csv, rows, () => readPieces(db, job.id, csv))];
  });
  let manifest = Buffer.alloc(0);
  const writeManifest = async function* () {
    manifest = Buffer.from(`${JSON.stringify(describePack(job, head, listed), null, 2)}\n`, 'utf8');
    yield manifest;
  };
  const writeSignature = async function* () {
    const signature = signManifest(manifest, env().authSecrets[0]);
    yield Buffer.from(`${JSON.stringify(signature, null, 2)}\n`, 'utf8');
  };
  return [
    page,
    ...files,
    { name: 'manifest.json', read: writeManifest },
    { name: 'manifest.sig', read: writeSignature },
  ];
}

function describePack(job: PackJob, head: PackHead, files: readonly object[]) {
  const { siteName, operatorName, person, phones, from, to, timeZone, madeAt, madeBy } = head;
  return {
    format: packFormat,
    pack: job.id,
    about: { kind: job.subject.kind, person, numbers: phones },
    period: { from: from.toISOString(), to: to.toISOString(), time_zone: timeZone },
    made_at: madeAt.toISOString(),
    made_by: madeBy,
    site: { name: siteName, operator: operatorName },
    software: { name: packageFile.name, version: packageFile.version },
    files,
  };
}

async function readHead(db: Db, job: PackJob, now: Date): Promise<PackHead> {
  const { id, subject } = job;
  const userId = subject.kind === 'person' ? subject.userId : null;
  const { rows } = await db.execute<{ kind: string; id: string; name: string; email: string }>(sql`
    select 'person' as kind, u.id::text as id, u.name, u.email from users u where u.id = ${userId}::uuid
    union all
    select 'maker', u.id::text, u.name, u.email from export_jobs e join users u on u.id = e.requested_by where e.id = ${id}`);
  const who = (kind: string) => rows.find((row) => row.kind === kind) ?? null;
  const [person, maker] = [who('person'), who('maker')];
  const { rows: counted } = await db.execute<{ file: string; rows: string }>(sql`
    select file, sum(rows)::text as rows from pack_pieces where job_id = ${id} group by file`);
  const countOf = (section: PackSection) =>
    Number(counted.find(({ file }) => file === fileNames(section).json)?.rows ?? 0);
  const { siteName, operator, authSecrets } = env();
  return {
    ...{ id, siteName, operatorName: operator.name, isOfNumber: userId === null },
    person: person && { id: person.id, name: person.name, email: person.email },
    phones: subject.kind === 'number' ? [subject.phone] : subject.phones,
    held: subject.kind === 'person' ? readHeld(subject) : null,
    from: new Date(job.from_at),
    to: new Date(job.to_at),
    timeZone: env().reportTimeZone,
    madeAt: now,
    madeBy: maker && { name: maker.name, email: maker.email },
    version: packageFile.version,
    publicKey: publicPackKey(authSecrets[0]),
    counts: Object.fromEntries(packSections.map((each) => [each, countOf(each)])) as PackHead['counts'],
  };
}

function readHeld({ held }: Extract<PackSubject, { kind: 'person' }>): PackHead['held'] {
  return held ? { phone: held.phone, since: new Date(held.since) } : null;
}

async function* readPage(db: Db, job: PackJob, head: PackHead): AsyncGenerator<Buffer, void> {
  yield Buffer.from(writePageHead(head), 'utf8');
  for (const section of packSections) {
    yield Buffer.from(writeSectionHead(section, head.counts[section]), 'utf8');
    yield* readPieces(db, job.id, fileNames(section).page);
    yield Buffer.from(sectionEnd, 'utf8');
  }
  yield Buffer.from(writePageEnd(head), 'utf8');
}

/** A file, piece by piece, each read by itself. */
async function* readPieces(db: Db, id: string, file: string): AsyncGenerator<Buffer, void> {
  for (let part = 0; ;) {
    const { rows } = await db.execute<{ part: number; data: Buffer }>(sql`
      select part, data from pack_pieces where job_id = ${id} and file = ${file} and part > ${part} order by part limit 1`);
    if (!rows[0]) return;
    part = rows[0].part;
    if (rows[0].data.length > 0) yield rows[0].data;
  }
}

async function* surround(
  before: string,
  data: AsyncIterable<Buffer>,
  after: string,
): AsyncGenerator<Buffer, void> {
  yield Buffer.from(before, 'utf8');
  yield* data;
  yield Buffer.from(after, 'utf8');
}
