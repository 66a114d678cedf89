import { sql } from 'drizzle-orm';
import { exportJobs, type ExportFormat, type ExportKind, type ExportState } from '@/db/schema/reports';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { SessionUser } from '@/lib/accounts/sessions';
import { recordAudit } from '@/lib/audit';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';
import type { RequestContext } from '@/lib/context';
import { isId, newId } from '@/lib/random';

/** So many files may be under way at once, over all admins: each takes its turn. */
export const mostExportsUnderWay = 5;

/** How long a finished file is kept. */
const keptMs = 24 * 3600 * 1000;

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
  const { now } = context;
  const { kind, format, wholeNumbers, from } = wanted;
  const to = wanted.to > now ? now : wanted.to;
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('export_jobs', 0))`);
    const stale = await refuseWithoutFactor(tx, admin, now);
    if (stale !== null) return { ok: false as const, ...stale };
    const { rows } = await tx.execute<{ under_way: number }>(sql`
      select count(*)::int as under_way from export_jobs where state = 'writing'`);
    if (rows[0]!.under_way >= mostExportsUnderWay)
      return { ok: false as const, reason: 'too_many_under_way' as const };
    const id = newId();
    await tx.insert(exportJobs).values({
      ...{ id, kind, format, wholeNumbers, fromAt: from, toAt: to },
      requestedBy: admin.userId,
      createdAt: now,
      nextAt: now,
    });
    await recordAudit(
      tx,
      {
        action: 'export_requested',
        userId: null,
        actorId: admin.userId,
        details: { export: id, kind, wholeNumbers, from: from.toISOString(), to: to.toISOString() },
      },
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
    select e.id, kind, format, whole_numbers, from_at, to_at, u.name, e.created_at, state, rows, bytes, written_to, ended_at
    from export_jobs e left join users u on u.id = e.requested_by
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
  bytes: number;
  pieces: AsyncGenerator<Buffer, void>;
};

/**
 * A finished file to be downloaded by an admin, which is written down in the audit log. Null: there is none, or none any more. It is
 * read piece by piece, so that memory does not grow with it; one that is removed meanwhile ends with an error.
 */
export async function openExport(
  db: Db,
  admin: SessionUser,
  id: string,
  context: RequestContext,
): Promise<ExportFile | 'confirm_first' | null> {
  if ((await refuseWithoutFactor(db, admin, context.now)) !== null) return 'confirm_first';
  if (!isId(id)) return null;
  const since = new Date(context.now.getTime() - keptMs);
  const { rows } = await db.execute<{
    kind: ExportKind;
    format: ExportFormat;
    parts: number;
    bytes: string;
  }>(sql`
    select kind, format, parts, bytes from export_jobs
    where id = ${id} and state = 'done' and ended_at > ${timestamp(since)}`);
  const found = rows[0];
  if (!found) return null;
  await recordAudit(
    db,
    {
      action: 'export_downloaded',
      userId: null,
      actorId: admin.userId,
      details: { export: id, kind: found.kind },
    },
    context,
  );
  const { kind, format, parts, bytes } = found;
  return { kind, format, bytes: Number(bytes), pieces: readPieces(db, id, parts) };
}

async function* readPieces(db: Db, id: string, parts: number): AsyncGenerator<Buffer, void> {
  for (let part = 1; part <= parts; part += 1) {
    const { rows } = await db.execute<{ data: Buffer }>(sql`
      select data from export_parts where job_id = ${id} and part = ${part}`);
    if (!rows[0]) throw new Error('The file was removed while it was read');
    yield rows[0].data;
  }
}

/** Removes a file, or ends one that is being written. False: there is none. */
export async function removeExport(
  db: Db,
  admin: SessionUser,
  id: string,
  context: RequestContext,
): Promise<boolean> {
  if (!isId(id)) return false;
  return db.transaction(async (tx) => {
    const { rowCount } = await tx.execute(sql`delete from export_jobs where id = ${id}`);
    if (rowCount === 0) return false;
    await recordAudit(
      tx,
      { action: 'export_removed', userId: null, actorId: admin.userId, details: { export: id } },
      context,
    );
    return true;
  });
}

/** Removes files that are over for a day, `limit` at most. Out: how many. */
export async function pruneExports(db: Db, now: Date, limit: number): Promise<number> {
  const before = new Date(now.getTime() - keptMs);
  const { rowCount } = await db.execute(sql`
    delete from export_jobs where id = any(array(
      select id from export_jobs where ended_at < ${timestamp(before)} or created_at < ${timestamp(before)} - interval '7 days'
      order by created_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
