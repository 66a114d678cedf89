import { createHash } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { SessionUser } from '@/lib/accounts/sessions';
import { applicationLimits } from '@/lib/applications/application';
import { seenBy, type Viewer } from '@/lib/applications/who-sees';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { isId, newId } from '@/lib/random';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { matchApplications, type ApplicationsQuery } from '@/lib/reporting/applications-list';
import { isForgotten } from './prune-bulk';

/** One bulk move is about so many applications; whoever has more to move makes another of what is left. */
export const mostItems = 10_000;

/** So many drafts of one person are kept: a newer one takes the place of the oldest. */
const mostDrafts = 10;

/** What is selected: some applications by their ids, or all that someone finds by a search of the list. */
export type BulkSelection = { ids: readonly string[] } | { query: ApplicationsQuery };

export type BulkDraftAnswer =
  | { ok: true; id: string }
  | {
      ok: false;
      /** Nothing of it is theirs to see; so many people are looked for that not all of them are found. */
      reason: 'nothing_selected' | 'too_wide';
    }
  | TooOften;

/** They did so too often, and may again from `retryAt` on. */
type TooOften = { ok: false; reason: 'too_often'; retryAt: Date };

/**
 * Makes a draft of a bulk move for one of the operator's people: which applications, each as it is now, those that wait longest
 * first. Of what a search finds the first 10,000 of the list are taken. Nothing is moved. Each try is counted by person, since each
 * looks through as much. Throws for those who may not move in bulk, whom the pages refuse.
 */
export async function draftBulkMove(
  db: Db,
  viewer: Viewer,
  selection: BulkSelection,
  context: RequestContext,
): Promise<BulkDraftAnswer> {
  requireMover(viewer);
  if ('ids' in selection) {
    // Each once, before the limit counts them; an id may be written in either case.
    const named = new Set(selection.ids.filter(isId).map((id) => id.toLowerCase()));
    const ids = [...named].slice(0, mostItems);
    if (ids.length === 0) return { ok: false, reason: 'nothing_selected' };
    const refused = await countDraft(db, viewer, context.now);
    if (refused !== null) return refused;
    return writeDraft(
      db,
      viewer,
      sql`select id from applications where id = any(${`{${ids.join(',')}}`}::uuid[])`,
      context,
    );
  }
  const refused = await countDraft(db, viewer, context.now);
  if (refused !== null) return refused;
  const query = { ...selection.query, after: undefined };
  const { page, isTooWide } = await matchApplications(db, viewer, query, context.now, mostItems + 1);
  if (isTooWide) return { ok: false, reason: 'too_wide' };
  return writeDraft(db, viewer, page, context);
}

/**
 * Makes a draft of all that an ended bulk move has not done, as they are now, to the same status with the same note. `nothing_selected`:
 * there is no such move, or it goes on, or nothing is missing.
 */
export async function draftMissing(
  db: Db,
  viewer: Viewer,
  bulkId: string,
  context: RequestContext,
): Promise<BulkDraftAnswer> {
  requireMover(viewer);
  if (!isId(bulkId)) return { ok: false, reason: 'nothing_selected' };
  const refused = await countDraft(db, viewer, context.now);
  if (refused !== null) return refused;
  const missing = sql`
    select i.application_id as id from bulk_items i join bulk_moves m on m.id = i.bulk_id
    where i.bulk_id = ${bulkId} and i.outcome is distinct from 'moved' and m.state in ('stopped', 'done')
      and not ${isForgotten(context.now)}`;
  return writeDraft(db, viewer, missing, context, bulkId);
}

/** Counts one more draft of someone. Null: they may make it. */
async function countDraft(db: Db, { userId }: Viewer, now: Date): Promise<TooOften | null> {
  const entry = { keys: limitKeys('bulk_drafts_by', [userId]), rules: limits.bulkDraftsPerMover };
  const hits = await takeHits(db, [entry], now);
  return hits.ok ? null : { ok: false, reason: 'too_often', retryAt: hits.retryAt };
}

async function writeDraft(
  db: Db,
  viewer: Viewer,
  selected: SQL,
  context: RequestContext,
  like: string | null = null,
): Promise<BulkDraftAnswer> {
  const { now } = context;
  const id = newId();
  return db.transaction(async (tx) => {
    await lockActor(tx, viewer);
    await tx.execute(sql`
      insert into bulk_moves (id, created_by, created_at, state, state_at, next_at, to_status, note)
      select ${id}, ${viewer.userId}, ${timestamp(now)}, 'draft', ${timestamp(now)}, ${timestamp(now)}, old.to_status, old.note
      from (select) one left join bulk_moves old on old.id = ${like}::uuid`);
    const { rowCount } = await tx.execute(sql`
      insert into bulk_items (bulk_id, nth, application_id, version)
      select ${id}, row_number() over (order by a.moved_at, a.id), a.id, a.version
      from (
        select found.id, found.moved_at, found.version from (select distinct id from (${selected}) named) chosen cross join lateral (
          select a.id, a.moved_at, a.version from applications a where a.id = chosen.id and ${seenBy(viewer)} limit 1) found
        order by found.moved_at desc, found.id desc limit ${mostItems + 1}) a`);
    const items = rowCount ?? 0;
    if (items === 0) {
      await tx.execute(sql`delete from bulk_moves where id = ${id}`);
      return { ok: false as const, reason: 'nothing_selected' as const };
    }
    if (items > mostItems) {
      // The last of the list is the first here.
      await tx.execute(sql`delete from bulk_items where bulk_id = ${id} and nth = 1`);
      await tx.execute(sql`update bulk_moves set is_cut = true where id = ${id}`);
    }
    await tx.execute(sql`
      delete from bulk_moves where created_by = ${viewer.userId} and state = 'draft' and id not in (
        select id from bulk_moves where created_by = ${viewer.userId} and state = 'draft'
        order by created_at desc, id desc limit ${mostDrafts})`);
    const details = { bulk: id, applications: Math.min(items, mostItems) };
    await recordAudit(
      tx,
      { action: 'bulk_move_made', userId: null, actorId: viewer.userId, details },
      context,
    );
    return { ok: true as const, id };
  });
}

/** Stands for where a draft leads and what is written for its applicants: another of either has another mark. */
export function markAim(to: ApplicationStatus | null, note: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify([to, note]))
    .digest('base64url');
}

export type BulkTargetAnswer =
  | { ok: true }
  /** There is none of theirs that is still a draft; the applicants have to read what is needed. */
  | { ok: false; reason: 'no_draft' | 'note_missing' }
  | TooOften;

/**
 * Says where the applications of a draft are to be moved, and what their applicants read; `note` is cut to its limit by the form. What
 * would happen is counted anew where they go elsewhere, so that is counted by person; saying the same again is not.
 */
export async function aimBulkMove(
  db: Db,
  viewer: Viewer,
  { id, to, note }: { id: string; to: ApplicationStatus; note: string | null },
  { now }: Pick<RequestContext, 'now'>,
): Promise<BulkTargetAnswer> {
  requireMover(viewer);
  if (to === 'documents_needed' && !note) return { ok: false, reason: 'note_missing' };
  if (note !== null && [...note].length > applicationLimits.note)
    throw new RangeError('The note is too long');
  if (!isId(id)) return { ok: false, reason: 'no_draft' };
  const entry = { keys: limitKeys('bulk_aims_by', [viewer.userId]), rules: limits.bulkAimsPerMover };
  const hits = await takeHits(db, [entry], now);
  if (!hits.ok) return { ok: false, reason: 'too_often', retryAt: hits.retryAt };
  // The note makes no difference to what is counted.
  const { rows } = await db.execute<{ is_elsewhere: boolean }>(sql`
    with found as materialized (
      select id, to_status is distinct from ${to}::text as is_elsewhere from bulk_moves
      where id = ${id} and state = 'draft' and created_by = ${viewer.userId} for no key update
    )
    update bulk_moves m set to_status = ${to}, note = ${note}, forecast = case when not is_elsewhere then forecast end,
      next_at = case when is_elsewhere then ${timestamp(now)} else next_at end
    from found where m.id = found.id
    returning is_elsewhere`);
  const aimed = rows[0];
  if (aimed?.is_elsewhere !== true) await hits.refund();
  return aimed ? { ok: true } : { ok: false, reason: 'no_draft' };
}

/** Brokers and applicants move one at a time. */
export function requireMover({ role }: Pick<Viewer, 'role'>): void {
  if (role !== 'staff' && role !== 'admin') throw new RangeError('Only staff and admins move in bulk');
}

/** People before what names them, as by who deletes an account. */
export async function lockActor(tx: Tx, { userId }: Pick<SessionUser, 'userId'>): Promise<void> {
  await tx.execute(sql`select from users where id = ${userId} for key share`);
}
