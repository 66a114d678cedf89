import { sql, type SQL } from 'drizzle-orm';
import { exportJobs, type ExportFormat, type ExportKind, type ExportState } from '@/db/schema/reports';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { SessionUser } from '@/lib/accounts/sessions';
import { stillSignedIn } from '@/lib/accounts/still-signed-in';
import { recordAudit, type AuditAction, type AuditedAct } from '@/lib/audit';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';
import type { RequestContext } from '@/lib/context';
import { isId, newId } from '@/lib/random';

/** So many files may be under way at once, over all admins: each takes its turn. */
export const mostExportsUnderWay = 5;

/** How long a finished file is kept. */
export const keptMs = 24 * 3600 * 1000;

export type WantedExport = {
  kind: ExportKind;
  format: ExportFormat;
  wholeNumbers: boolean;
  /** What happened from the one moment on, before the other. */
  from: Date;
  to: Date;
};

export type ExportRequestAnswer =
  { ok: true; id: string } | ({ ok: false } & (StaleFactor | { reason: 'too_many_under_way' }));

/**
 * Asks for a file, which a worker then writes. For an admin who has shown within ten minutes who they are, since it holds what is kept
 * about everyone; written down in the audit log. Nothing that happens after `now` is in it.
 */
export async function requestExport(
  db: Db,
  admin: SessionUser,
  wanted: WantedExport,
  context: RequestContext,
): Promise<ExportRequestAnswer> {
  const { kind, format, wholeNumbers, from, to } = wanted;
  return startJob(
    db,
    admin,
    { kind, format, wholeNumbers, fromAt: from, toAt: to },
    (id) => ({ action: 'export_requested', details: { export: id, kind, wholeNumbers } }),
    context,
  );
}

/**
 * Starts a job, an export or a pack, for an admin with a fresh second step, as long as not too many are under way. It ends at `now` at
 * the latest. The audit log has what `describe` says of it by its id, and its period. Throws where the period ends before it begins or
 * is still to come, which forms refuse.
 */
export async function startJob(
  db: Db,
  admin: SessionUser,
  job: Omit<typeof exportJobs.$inferInsert, 'id' | 'requestedBy' | 'createdAt' | 'nextAt'>,
  describe: (id: string) => Pick<AuditedAct, 'action' | 'details'>,
  context: RequestContext,
): Promise<ExportRequestAnswer> {
  const { now } = context;
  const { fromAt } = job;
  const toAt = job.toAt > now ? now : job.toAt;
  if (fromAt > toAt) throw new RangeError('The period of a file ends before it begins, or is still to come');
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('export_jobs', 0))`);
    const stale = await refuseWithoutFactor(tx, admin, now);
    if (stale !== null) return { ok: false as const, ...stale };
    const { rows } = await tx.execute<{ under_way: number }>(sql`
      select count(*)::int as under_way from export_jobs where state = 'writing'`);
    if (rows[0]!.under_way >= mostExportsUnderWay)
      return { ok: false as const, reason: 'too_many_under_way' as const };
    const id = newId();
    await tx
      .insert(exportJobs)
      .values({ ...job, id, toAt, requestedBy: admin.userId, createdAt: now, nextAt: now });
    const { action, details } = describe(id);
    const period = { from: fromAt.toISOString(), to: toAt.toISOString() };
    await recordAudit(
      tx,
      { action, userId: null, actorId: admin.userId, details: { ...details, ...period } },
      context,
    );
    return { ok: true as const, id };
  });
}

/** A file as admins see it. */
export type ListedExport = {
  id: string;
  kind: ExportKind;
  format: ExportFormat;
  wholeNumbers: boolean;
  from: Date;
  to: Date;
  /** Null: their account is gone. */
  requestedBy: string | null;
  createdAt: Date;
  state: ExportState;
  rows: number;
  bytes: number;
  /** How much of its time is written, from 0 to 1. */
  progress: number;
  /** Until when it can be downloaded; null: it is not done. */
  keptUntil: Date | null;
};

/** A moment that no page could show, such as `infinity`, is the nearest that one can. */
export const near = (column: string) =>
  sql.raw(`least(greatest(${column}, '2000-01-02Z'::timestamptz), '2199-12-30Z'::timestamptz)`);

/** The files that are there or under way, the newest first, a hundred at most. */
export async function listExports(db: Db): Promise<ListedExport[]> {
  const { rows } = await db.execute<{
    id: string;
    kind: ExportKind;
    format: ExportFormat;
    whole_numbers: boolean;
    from_at: string;
    to_at: string;
    name: string | null;
    created_at: string;
    state: ExportState;
    rows: string;
    bytes: string;
    written_to: string | null;
    ended_at: string | null;
  }>(sql`
    select e.id, kind, format, whole_numbers, ${near('from_at')} as from_at, ${near('to_at')} as to_at, u.name,
      ${near('e.created_at')} as created_at, state, rows, bytes, written_to, ${near('ended_at')} as ended_at
    from export_jobs e left join users u on u.id = e.requested_by
    where kind <> 'evidence' and state <> 'removed'
    order by e.created_at desc limit 100`);
  return rows.map((row) => {
    const [from, to] = [new Date(row.from_at), new Date(row.to_at)];
    const endedAt = row.ended_at === null ? null : new Date(row.ended_at);
    return {
      ...{ id: row.id, kind: row.kind, format: row.format, wholeNumbers: row.whole_numbers, from, to },
      requestedBy: row.name,
      createdAt: new Date(row.created_at),
      state: row.state,
      rows: Number(row.rows),
      bytes: Number(row.bytes),
      progress: row.state === 'done' ? 1 : shareWritten(from, to, row.written_to),
      keptUntil: row.state === 'done' && endedAt !== null ? new Date(endedAt.getTime() + keptMs) : null,
    };
  });
}

function shareWritten(from: Date, to: Date, writtenTo: string | null): number {
  const reachedMs = Date.parse((writtenTo ?? '').split('_')[0]!);
  const share = (reachedMs - from.getTime()) / (to.getTime() - from.getTime());
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
}

/** A finished file: its name's parts, and its pieces, which are read one after the other. */
export type ExportFile = {
  kind: ExportKind;
  format: ExportFormat;
} & JobFile;

/** What a finished job wrote. */
export type JobFile = { bytes: number; pieces: AsyncGenerator<Buffer, void> };

/**
 * A finished file to be downloaded by an admin, which is written down in the audit log. Null: there is none, or none any more. It is
 * read piece by piece, so that memory does not grow with it. It ends with an error where it is removed meanwhile, or the admin is
 * signed out, deactivated or none any more.
 */
export async function openExport(
  db: Db,
  admin: SessionUser,
  id: string,
  context: RequestContext,
): Promise<ExportFile | 'confirm_first' | null> {
  const file = await openJob(db, admin, id, sql`kind <> 'evidence'`, context);
  if (file === null || file === 'confirm_first') return file;
  const { kind, format, bytes, pieces } = file;
  await recordDownload(db, admin, 'export_downloaded', { export: id, kind }, context);
  return { kind: kind as ExportKind, format: format as ExportFormat, bytes, pieces };
}

/** A finished job among those of `which`, for an admin with a fresh second step; null: there is none, or none any more. */
export async function openJob(
  db: Db,
  admin: SessionUser,
  id: string,
  which: SQL,
  context: RequestContext,
): Promise<(JobFile & { kind: string; format: string; createdAt: Date }) | 'confirm_first' | null> {
  if ((await refuseWithoutFactor(db, admin, context.now)) !== null) return 'confirm_first';
  if (!isId(id)) return null;
  const since = new Date(context.now.getTime() - keptMs);
  const { rows } = await db.execute<{
    kind: string;
    format: string;
    parts: number;
    bytes: string;
    created_at: string;
  }>(sql`
    select kind, format, parts, bytes, created_at from export_jobs
    where id = ${id} and state = 'done' and ended_at > ${timestamp(since)} and ${which}`);
  const found = rows[0];
  if (!found) return null;
  const { kind, format, parts, bytes } = found;
  const pieces = readPieces(db, admin, id, parts);
  return { kind, format, bytes: Number(bytes), pieces, createdAt: new Date(found.created_at) };
}

/** Writes down who takes a file away, before the first piece of it is read. */
export async function recordDownload(
  db: Db,
  admin: SessionUser,
  action: Extract<AuditAction, 'export_downloaded' | 'pack_downloaded'>,
  details: Record<string, string>,
  context: RequestContext,
): Promise<void> {
  await recordAudit(db, { action, userId: null, actorId: admin.userId, details }, context);
}

async function* readPieces(
  db: Db,
  admin: SessionUser,
  id: string,
  parts: number,
): AsyncGenerator<Buffer, void> {
  for (let part = 1; part <= parts; part += 1) {
    const { rows } = await db.execute<{ data: Buffer }>(sql`
      select data from export_parts where job_id = ${id} and part = ${part} and ${stillSignedIn(admin)}`);
    if (!rows[0]) throw new Error('The file was removed, or its reader signed out, while it was read');
    yield rows[0].data;
  }
}

/** Removes a file or a pack, or ends one that is being written; its pieces go later (`pruneExports`). False: there is none. */
export async function removeExport(
  db: Db,
  admin: SessionUser,
  id: string,
  context: RequestContext,
): Promise<boolean> {
  if (!isId(id)) return false;
  return db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ kind: string }>(sql`
      update export_jobs set state = 'removed', subject = null where id = ${id} and state <> 'removed' returning kind`);
    if (!rows[0]) return false;
    const isPack = rows[0].kind === 'evidence';
    const action = isPack ? 'pack_removed' : 'export_removed';
    const details = { [isPack ? 'pack' : 'export']: id };
    await recordAudit(tx, { action, userId: null, actorId: admin.userId, details }, context);
    return true;
  });
}

/**
 * Removes files that are over for a day, and those that say they are of a later day; the pieces of which packs were made; and what was
 * removed or came to nothing. Of each `limit` at most, so that no statement takes long, however large a file is. Out: how many.
 */
export async function pruneExports(db: Db, now: Date, limit: number): Promise<number> {
  const before = new Date(now.getTime() - keptMs);
  await db.execute(sql`
    update export_jobs set state = 'removed', subject = null where id = any(array(
      select id from export_jobs where state <> 'removed' and (ended_at < ${timestamp(before)}
        or created_at < ${timestamp(before)} - interval '7 days'
        or greatest(ended_at, created_at) > ${timestamp(now)} + interval '1 day')
      order by created_at limit ${limit} for update skip locked))`);
  const pieces = await db.execute(sql`
    delete from pack_pieces where ctid = any(array(
      select piece.ctid from pack_pieces piece join export_jobs job on job.id = piece.job_id
      where job.state <> 'writing' limit ${limit} for update of piece skip locked))`);
  const parts = await db.execute(sql`
    delete from export_parts where ctid = any(array(
      select part.ctid from export_parts part join export_jobs job on job.id = part.job_id
      where job.state not in ('writing', 'done') limit ${limit} for update of part skip locked))`);
  const jobs = await db.execute(sql`
    delete from export_jobs job where state = 'removed'
      and not exists (select from pack_pieces where job_id = job.id)
      and not exists (select from export_parts where job_id = job.id)`);
  return (pieces.rowCount ?? 0) + (parts.rowCount ?? 0) + (jobs.rowCount ?? 0);
}
