import { sql } from 'drizzle-orm';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { BulkState } from '@/db/schema/bulk';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { SessionUser } from '@/lib/accounts/sessions';
import { recordAudit } from '@/lib/audit';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';
import { isForgotten } from './prune-bulk';
import { lockActor, markAim, requireMover } from './select-bulk';

/** So many bulk moves may be under way at once, over all people: each takes its turn. */
export const mostBulkUnderWay = 10;

export type BulkStartAnswer =
  | { ok: true }
  | ({ ok: false } & (
      | StaleFactor
      /** There is none, it is over, it is not said where to move, or something else than was looked at. */
      | { reason: 'not_found' | 'over' | 'no_target' | 'changed_meanwhile' | 'too_many_under_way' }
    ));

/**
 * Starts a bulk move, or has one that is paused go on, in the name of who asks: one of the operator's people who has shown within ten
 * minutes who they are. One that goes on already stays as it is: a second click starts nothing. A draft is started by who made it.
 *
 * @param seen the mark (`markAim`) of what the page said that would be started: another one is refused; null: whatever it is now
 */
export async function startBulkMove(
  db: Db,
  mover: SessionUser,
  id: string,
  context: RequestContext,
  seen: string | null = null,
): Promise<BulkStartAnswer> {
  requireMover(mover);
  if (!isId(id)) return { ok: false, reason: 'not_found' };
  const { now } = context;
  return db.transaction(async (tx): Promise<BulkStartAnswer> => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('bulk_moves', 0))`);
    await lockActor(tx, mover);
    const stale = await refuseWithoutFactor(tx, mover, now);
    if (stale !== null) return { ok: false, ...stale };
    const { rows } = await tx.execute<{
      state: BulkState;
      to_status: ApplicationStatus | null;
      note: string | null;
      is_forgotten: boolean;
      is_own: boolean;
      under_way: number;
      items: number;
    }>(sql`
      select state, to_status, note, ${isForgotten(now)} as is_forgotten, created_by is not distinct from ${mover.userId}::uuid as is_own,
        (select count(*)::int from bulk_moves where state = 'running') as under_way,
        (select count(*)::int from bulk_items where bulk_id = m.id) as items
      from bulk_moves m where id = ${id} for no key update`);
    const found = rows[0];
    if (!found || (found.state === 'draft' && !found.is_own)) return { ok: false, reason: 'not_found' };
    const { state, to_status: to, note, under_way: underWay, items: applications } = found;
    if (state === 'running') return { ok: true };
    if (state === 'stopped' || state === 'done' || found.is_forgotten) return { ok: false, reason: 'over' };
    if (to === null) return { ok: false, reason: 'no_target' };
    if (state === 'draft' && seen !== null && seen !== markAim(to, note)) {
      return { ok: false, reason: 'changed_meanwhile' };
    }
    if (underWay >= mostBulkUnderWay) return { ok: false, reason: 'too_many_under_way' };
    await tx.execute(sql`
      update bulk_moves set state = 'running', state_at = ${timestamp(now)}, paused_because = null, started_by = ${mover.userId},
        started_at = coalesce(started_at, ${timestamp(now)}), next_at = ${timestamp(now)}
      where id = ${id}`);
    const action = state === 'draft' ? 'bulk_move_started' : 'bulk_move_resumed';
    const details = { bulk: id, applications, to };
    await recordAudit(tx, { action, userId: null, actorId: mover.userId, details }, context);
    return { ok: true };
  });
}

/** Pauses a bulk move behind the application that is being moved. False: it does not go on just now. */
export async function pauseBulkMove(
  db: Db,
  mover: SessionUser,
  id: string,
  context: RequestContext,
): Promise<boolean> {
  const answer = await halt(db, mover, id, { to: 'paused', from: ['running'] }, context);
  return answer.ok;
}

export type BulkStopAnswer =
  | { ok: true }
  /** `over`: it is no such move, or over. */
  | ({ ok: false } & (StaleFactor | { reason: 'over' }));

/**
 * Ends a bulk move behind the application that is being moved: what is moved stays so. Whoever did not start it themselves has shown
 * within ten minutes who they are, since it never goes on again.
 */
export async function stopBulkMove(
  db: Db,
  mover: SessionUser,
  id: string,
  context: RequestContext,
): Promise<BulkStopAnswer> {
  return halt(db, mover, id, { to: 'stopped', from: ['running', 'paused'] }, context);
}

async function halt(
  db: Db,
  mover: SessionUser,
  id: string,
  { to, from }: { to: 'paused' | 'stopped'; from: readonly BulkState[] },
  context: RequestContext,
): Promise<BulkStopAnswer> {
  requireMover(mover);
  if (!isId(id)) return { ok: false, reason: 'over' };
  return db.transaction(async (tx): Promise<BulkStopAnswer> => {
    await lockActor(tx, mover);
    const { rows } = await tx.execute<{ is_own: boolean }>(sql`
      select started_by is not distinct from ${mover.userId}::uuid as is_own from bulk_moves
      where id = ${id} and state = any(${`{${from.join(',')}}`}::text[]) for no key update`);
    const found = rows[0];
    if (!found) return { ok: false, reason: 'over' };
    if (to === 'stopped' && !found.is_own) {
      const stale = await refuseWithoutFactor(tx, mover, context.now);
      if (stale !== null) return { ok: false, ...stale };
    }
    await tx.execute(sql`
      update bulk_moves set state = ${to}, state_at = ${timestamp(context.now)}, paused_because = null where id = ${id}`);
    const action = to === 'paused' ? 'bulk_move_paused' : 'bulk_move_stopped';
    const entry = { action, userId: null, actorId: mover.userId, details: { bulk: id } } as const;
    await recordAudit(tx, entry, context);
    return { ok: true };
  });
}
