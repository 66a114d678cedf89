import { sql } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { BulkOutcome } from '@/db/schema/bulk';
import type { Db, Tx } from '@/db/client';
import { isTurn } from '@/db/clock';
import { isDatabaseFault, isLockTimeout } from '@/db/database-fault';
import { timestamp } from '@/db/timestamp';
import { lockPeopleOf } from '@/lib/applications/application';
import { moveWithin } from '@/lib/applications/move-application';
import { recordAudit } from '@/lib/audit';
import { countWaitingMailsOf } from '@/lib/mail/outbox';
import { countWaitingOf } from '@/lib/sms/capacity/send-order';
import { isMovedTooOften } from './moved-too-often';

/** Whoever has taken a bulk move is gone, if nothing was heard for so long: a batch takes a second. */
const leaseMs = 15_000;

/** So many applications in one go; then the bulk move that has waited longest has its turn. */
const itemsPerTurn = 25;

/** Where its texts wait, a bulk move goes on after this. */
const restMs = 1_000;

/** The database, or who holds much of it, is left alone for so long. */
const faultRestMs = 10_000;

/** An application whose move failed so often is given up. */
const mostTries = 5;

/** A row that someone holds is waited for no longer: it comes again, behind the others. */
const lockWaitMs = 100;

/** A bulk move is ahead of the sender by what goes out in so many seconds, and by so many texts and mails at least. */
const aheadSeconds = 10;
const leastAhead = 100;
const mostAhead = 500;

/** How many texts and mails of a bulk move may wait before it makes more; `messagesPerSecond` null: the sender has no pace. */
export function aheadOf(messagesPerSecond: number | null): number {
  if (messagesPerSecond === null) return mostAhead;
  return Math.min(mostAhead, Math.max(leastAhead, Math.ceil(messagesPerSecond * aheadSeconds)));
}

/** `idle`: none is under way that nobody else has. `waits`: there was room for nothing. */
export type BulkTurn = 'idle' | 'waits' | 'moved';

type Job = { id: string; to: ApplicationStatus; note: string | null; ticket: Date };

/**
 * Makes the next moves of the bulk move that has waited longest, 25 at most. Each is a transaction of its own: the move, by the code of
 * a single one, and what is written down about it; so whatever is killed, an application is moved once, and its news goes out once.
 * Any number of processes may do so at the same time. Moves are made no faster than their texts and mails go out: at most
 * `most` of those wait.
 */
export async function moveNextItems(
  db: Db,
  now: Date,
  {
    most,
    onFault,
  }: { most: number; onFault: (about: { bulk: string; nth: number }, error: unknown) => void },
): Promise<BulkTurn> {
  const job = await takeJob(db, now);
  if (job === null) return 'idle';
  const giveBack = (afterMs: number) =>
    db.execute(sql`
      update bulk_moves set next_at = ${timestamp(new Date(now.getTime() + afterMs))}
      where id = ${job.id} and next_at = ${timestamp(job.ticket)}`);
  try {
    const room = most - (await countAhead(db, job.id, most));
    if (room <= 0) {
      await giveBack(restMs);
      return 'waits';
    }
    const { rows: open } = await db.execute<{ nth: number; application_id: string }>(sql`
      select nth, application_id from bulk_items where bulk_id = ${job.id} and outcome is null
      order by tries, nth limit ${Math.min(room, itemsPerTurn)}`);
    if (open.length === 0) await finish(db, job.id, now);
    for (const { nth, application_id: applicationId } of open) {
      const item = { nth, applicationId };
      if ((await moveItem(db, job, item, { now, onFault })) === 'halted') break;
    }
    await giveBack(0);
    return 'moved';
  } catch (error) {
    await giveBack(faultRestMs).catch(() => undefined);
    throw error;
  }
}

/** Takes the bulk move whose turn it is. One that waits for a moment far ahead was put there by a clock that was wrong. */
async function takeJob(db: Db, now: Date): Promise<Job | null> {
  const ticket = new Date(now.getTime() + leaseMs);
  const { rows } = await db.execute<{ id: string; to_status: ApplicationStatus; note: string | null }>(sql`
    update bulk_moves set next_at = ${timestamp(ticket)} where id = any(array(
      select id from bulk_moves
      where state = 'running' and ${isTurn(sql`next_at`, now)}
      order by next_at limit 1 for update skip locked))
    returning id, to_status, note`);
  const row = rows[0];
  return row ? { id: row.id, to: row.to_status, note: row.note, ticket } : null;
}

/** How many moves are ahead of their news, as far as `most` of each: it is not decided yet, or its text or mail is due and waits. */
async function countAhead(db: Db, id: string, most: number): Promise<number> {
  const now = sql`(select now from clock)`;
  const { rows } = await db.execute<{ ahead: number }>(sql`
    with clock as materialized (select statement_timestamp() as now)
    select ${countWaitingOf(id, most, now)} + ${countWaitingMailsOf(id, most, now)} + (select count(*)::int from (
      select from application_notices
      where (case when decided_at is null and kind <> 'reminder' then bulk_id end) = ${id} and bulk_id is not null
      limit ${most}) undecided) as ahead`);
  return rows[0]!.ahead;
}

async function finish(db: Db, id: string, now: Date): Promise<void> {
  await db.execute(sql`
    update bulk_moves set state = 'done', state_at = ${timestamp(now)}
    where id = ${id} and state = 'running' and not exists (
      select from bulk_items where bulk_id = ${id} and outcome is null)`);
}

/** Moves one application. `halted`: the bulk move does not go on. */
async function moveItem(
  db: Db,
  job: Job,
  item: { nth: number; applicationId: string },
  { now, onFault }: { now: Date; onFault: (about: { bulk: string; nth: number }, error: unknown) => void },
): Promise<'done' | 'halted'> {
  try {
    return await db.transaction((tx) => moveOne(tx, job, item, now));
  } catch (error) {
    const isHeld = isLockTimeout(error);
    if (isDatabaseFault(error) && !isHeld) {
      // It comes again behind the others, so that one whose move takes too long for ever does not keep them back.
      await putBehind(db, job.id, item.nth).catch(() => undefined);
      throw error;
    }
    if (!isHeld) onFault({ bulk: job.id, nth: item.nth }, error);
    await db.execute(sql`
      update bulk_items set tries = least(tries, 1000) + 1,
        outcome = case when ${!isHeld} and tries >= ${mostTries - 1} then 'failed' end,
        done_at = case when ${!isHeld} and tries >= ${mostTries - 1} then ${timestamp(now)} end
      where bulk_id = ${job.id} and nth = ${item.nth} and outcome is null`);
    return 'done';
  }
}

async function putBehind(db: Db, id: string, nth: number): Promise<void> {
  await db.execute(sql`
    update bulk_items set tries = least(tries, 1000) + 1 where bulk_id = ${id} and nth = ${nth} and outcome is null`);
}

type Standing = { mover: string | null; role: Role | null; is_open: boolean | null };

async function moveOne(
  tx: Tx,
  job: Job,
  { nth, applicationId }: { nth: number; applicationId: string },
  now: Date,
): Promise<'done' | 'halted'> {
  const { rows: movers } = await tx.execute<{ mover: string | null }>(sql`
    select started_by as mover, set_config('lock_timeout', ${`${lockWaitMs}ms`}, true) from bulk_moves where id = ${job.id}`);
  const mover = movers[0]?.mover ?? null;
  // People first, as by who deletes an account; then the bulk move, so that whoever pauses it comes before or behind this move.
  if (mover !== null) await lockPeopleOf(tx, { userId: mover }, applicationId);
  const { rows } = await tx.execute<Standing>(sql`
    select m.started_by as mover, u.role, u.deactivated_at is null and u.activated_at is not null as is_open
    from (select started_by from bulk_moves where id = ${job.id} and state = 'running' for share) m
    left join users u on u.id = m.started_by`);
  const standing = rows[0];
  if (!standing || standing.mover !== mover) return 'halted';
  const { role, is_open: isOpen } = standing;
  if (mover === null || isOpen !== true || (role !== 'staff' && role !== 'admin')) {
    await pauseItself(tx, job.id, now);
    return 'halted';
  }
  const { rows: items } = await tx.execute<{ version: number; is_moved_too_often: boolean }>(sql`
    select i.version, ${isMovedTooOften(sql`i.application_id`, now)} as is_moved_too_often from bulk_items i
    where i.bulk_id = ${job.id} and i.nth = ${nth} and i.outcome is null for update of i skip locked`);
  const item = items[0];
  // Another worker had it, or has it.
  if (!item) return 'done';
  const wanted = { id: applicationId, to: job.to, version: item.version, note: job.note };
  const context = { now, address: '', userAgent: null };
  const moved = item.is_moved_too_often
    ? ({ ok: false, reason: 'moved_too_often' } as const)
    : await moveWithin(tx, { userId: mover, role }, wanted, context, job.id);
  const outcome: BulkOutcome = moved.ok
    ? 'moved'
    : moved.reason === 'note_missing' || moved.reason === 'not_open'
      ? 'failed'
      : moved.reason;
  await tx.execute(sql`
    update bulk_items set outcome = ${outcome}, event_id = ${moved.ok ? moved.eventId : null}, done_at = ${timestamp(now)}
    where bulk_id = ${job.id} and nth = ${nth}`);
  return 'done';
}

async function pauseItself(tx: Tx, id: string, now: Date): Promise<void> {
  await tx.execute(sql`
    update bulk_moves set state = 'paused', paused_because = 'mover_left', state_at = ${timestamp(now)} where id = ${id}`);
  const details = { bulk: id, because: 'mover_left' };
  const context = { now, address: '', userAgent: null };
  await recordAudit(tx, { action: 'bulk_move_paused', userId: null, actorId: null, details }, context);
}
