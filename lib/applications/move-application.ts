import { sql } from 'drizzle-orm';
import { applicationEvents, applicationNotices, type ApplicationStatus } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { newId } from '@/lib/random';
import { lockApplication, type Application, type LockRefusal } from './application';
import { supersedeWaiting } from './supersede-waiting';
import { readUndoSeconds } from './undo-time';
import { movesFrom } from './moves';
import { asApplicantSees, renewNews, takeBackAfter } from './shown-move';
import { seesInternal, type Viewer } from './who-sees';

/** Someone who is asked for documents is reminded so many days after it, once each, unless they have answered. */
export const reminderDays = [3, 10] as const;

export type MoveRefusal =
  | LockRefusal
  /** No such move is theirs to make from where it is now. */
  | { reason: 'not_allowed'; application: Application }
  /** Someone else changed it since the page was read: how it is now. */
  | { reason: 'changed_meanwhile'; application: Application }
  /** The applicant has to read what is needed. */
  | { reason: 'note_missing' };

type MoveWithin =
  | {
      ok: true;
      eventId: number;
      /** Until when the mover may take it back, and nobody else sees it; null: it is seen at once. */
      undoUntil: Date | null;
    }
  | ({ ok: false } & MoveRefusal);

export type MoveAnswer = MoveWithin | ({ ok: false } & Busy);

export type WantedMove = {
  id: string;
  to: ApplicationStatus;
  /** That of the page on which it was decided: for its applicant what `shownVersion` says. */
  version: number;
  note?: string | null;
  internalNote?: string | null;
};

/**
 * Moves an application: one conditional UPDATE on its version, its event, its audit entry, and what its applicant is to hear, in
 * one transaction. Of two who move it at the same time one wins, and the other is told how it is now. A move by the operator's
 * people is not seen by its applicant until their undo time is over; an applicant's own is seen at once, nothing is sent for it, and
 * a text about what was before that still waits is withdrawn. An applicant's own is judged by what they see: it takes back what is
 * hidden from them, and is made from where they saw it.
 */
export async function moveApplication(
  db: Db,
  viewer: Viewer,
  wanted: WantedMove,
  context: RequestContext,
): Promise<MoveAnswer> {
  return unlessHeld(() => db.transaction((tx) => moveWithin(tx, viewer, wanted, context)));
}

/**
 * The same in a transaction of the caller. `bulkId`: it is one of many moves at once (lib/bulk): it is seen at once, and what its
 * applicant is to hear goes in turns with other such moves'. The caller has locked the people of such a move (`lockPeopleOf`).
 */
export async function moveWithin(
  tx: Tx,
  viewer: Viewer,
  wanted: WantedMove,
  context: RequestContext,
  bulkId: string | null = null,
): Promise<MoveWithin> {
  if (wanted.to === 'documents_needed' && !wanted.note) return { ok: false, reason: 'note_missing' };
  const people = bulkId === null ? 'free' : 'locked';
  const locked = await lockApplication(tx, viewer, wanted.id, { people });
  if (!locked.ok) return locked;
  const found = locked.application;
  const { before, hiddenAfter } = await findBefore(tx, viewer, found, context.now);
  if (before.version !== wanted.version)
    return { ok: false, reason: 'changed_meanwhile', application: before };
  if (!movesFrom(before.status, viewer.role).includes(wanted.to))
    return { ok: false, reason: 'not_allowed', application: before };
  if (hiddenAfter !== null) {
    await takeBackAfter(tx, { applicationId: found.id, moveId: hiddenAfter, now: context.now });
    if (found.status !== before.status) await recordTakenBack(tx, viewer, found, before.status, context);
  }
  const from = { ...before, version: found.version };
  return { ok: true, ...(await makeMove(tx, viewer, from, { ...wanted, bulkId }, context)) };
}

/** Where an application is for whoever moves it; `hiddenAfter`: every move after that one is hidden from them. */
async function findBefore(
  tx: Tx,
  viewer: Viewer,
  found: Application,
  now: Date,
): Promise<{ before: Application; hiddenAfter: number | null }> {
  if (viewer.role !== 'applicant' || found.status === 'draft') return { before: found, hiddenAfter: null };
  const { shown, shownMoveId } = await asApplicantSees(tx, found, now);
  return { before: shown, hiddenAfter: shownMoveId };
}

async function makeMove(
  tx: Tx,
  viewer: Viewer,
  before: Application,
  { to, note, internalNote, bulkId }: WantedMove & { bulkId: string | null },
  context: RequestContext,
): Promise<{ eventId: number; undoUntil: Date | null }> {
  const { now } = context;
  const isOwn = viewer.role === 'applicant';
  const undoUntil =
    isOwn || bulkId !== null
      ? null
      : new Date(now.getTime() + (await readUndoSeconds(tx, viewer.userId)) * 1000);
  await tx.execute(sql`
    update applications set status = ${to}, version = version + 1, moved_at = ${timestamp(now)}
    where id = ${before.id} and version = ${before.version}`);
  const showsAt = undoUntil ?? now;
  const [event] = await tx
    .insert(applicationEvents)
    .values({
      applicationId: before.id,
      at: now,
      kind: 'moved',
      fromStatus: before.status,
      toStatus: to,
      fromSince: before.movedAt,
      actorId: viewer.userId,
      actorRole: viewer.role,
      note: note ?? null,
      internalNote: seesInternal(viewer) ? (internalNote ?? null) : null,
      showsAt,
    })
    .returning({ id: applicationEvents.id });
  const eventId = event!.id;
  const about = { applicationId: before.id, eventId };
  if (isOwn) await forgetNews(tx, before.id, now);
  else await intendNotices(tx, { ...about, bulkId }, to, showsAt);
  await recordAudit(
    tx,
    {
      action: 'application_moved',
      userId: null,
      actorId: viewer.userId,
      details: { application: before.id, from: before.status, to, ...(bulkId !== null && { bulk: bulkId }) },
    },
    context,
  );
  return { eventId, undoUntil };
}

/** An applicant who moves on by themselves hears no more of what was before: a text that waits for the morning is withdrawn. */
async function forgetNews(tx: Tx, id: string, now: Date): Promise<void> {
  const withdrawn = await supersedeWaiting(tx, { applicationId: id }, now);
  if (withdrawn.every((kind) => kind === 'reminder')) return;
  await tx.execute(sql`update applications set news = 'superseded' where id = ${id}`);
}

/** Writes down what the applicant is to hear of a move: whether and how is decided when it is due. */
async function intendNotices(
  tx: Tx,
  about: { applicationId: string; eventId: number; bulkId: string | null },
  to: ApplicationStatus,
  dueAt: Date,
): Promise<void> {
  const isAsked = to === 'documents_needed';
  const first = { id: newId(), ...about, kind: isAsked ? ('documents' as const) : ('news' as const), dueAt };
  const reminders = reminderDays.map((days) => ({
    id: newId(),
    ...about,
    kind: 'reminder' as const,
    dueAt: new Date(dueAt.getTime() + days * 24 * 3600 * 1000),
  }));
  await tx.insert(applicationNotices).values(isAsked ? [first, ...reminders] : [first]);
  await tx.execute(sql`update applications set news = 'waiting' where id = ${about.applicationId}`);
}

async function sayWhyNot(tx: Tx, id: string, eventId: number): Promise<'undone_already' | 'too_late'> {
  const { rows } = await tx.execute(sql`
    select from application_events where id = ${eventId} and application_id = ${id} and undone_at is not null`);
  return rows.length > 0 ? 'undone_already' : 'too_late';
}

async function recordTakenBack(
  tx: Tx,
  viewer: Viewer,
  { id, status }: Application,
  to: ApplicationStatus,
  context: RequestContext,
): Promise<void> {
  const details = { application: id, from: status, to };
  const entry = { action: 'application_move_undone', userId: null, actorId: viewer.userId, details } as const;
  await recordAudit(tx, entry, context);
}

/** News that was put off to see whether a later move stands is due as it was, since that one was taken back. */
async function tellAtOnce(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`
    with told as materialized (
      select id, event_id, kind, decided_at, due_at from application_notices where application_id = ${id}
    )
    update application_notices n set due_at = e.shows_at
    from told join application_events e on e.id = told.event_id
    where n.id = told.id and told.kind <> 'reminder' and told.decided_at is null and e.undone_at is null
      and told.due_at > e.shows_at`);
}

export type UndoAnswer =
  { ok: true } | ({ ok: false } & (LockRefusal | Busy | { reason: 'too_late' | 'undone_already' }));

/**
 * Takes back a move, within its undo time, by who made it: the application is where it was before, and nothing of it is sent or
 * shown. Refused as `too_late` once it is seen, news of before was left out for it, or someone else has moved it on, and as
 * `undone_already` for a second click.
 */
export async function undoMove(
  db: Db,
  viewer: Viewer,
  { id, eventId }: { id: string; eventId: number },
  context: RequestContext,
): Promise<UndoAnswer> {
  return unlessHeld(() => db.transaction((tx) => undoWithin(tx, viewer, { id, eventId }, context)));
}

async function undoWithin(
  tx: Tx,
  viewer: Viewer,
  { id, eventId }: { id: string; eventId: number },
  context: RequestContext,
): Promise<UndoAnswer> {
  const locked = await lockApplication(tx, viewer, id);
  if (!locked.ok) return locked;
  const before = locked.application;
  const { rows } = await tx.execute<{ from_status: ApplicationStatus; from_since: string }>(sql`
      update application_events set undone_at = ${timestamp(context.now)}
      where id = ${eventId} and application_id = ${id} and kind = 'moved' and actor_id = ${viewer.userId}
        and undone_at is null and shows_at > ${timestamp(context.now)} and to_status = ${before.status}
        and not exists (
          select from application_events later
          where later.application_id = ${id} and later.id > ${eventId} and later.kind = 'moved' and later.undone_at is null)
        and not exists (
          select from application_notices n
          where n.application_id = ${id} and (n.event_id = ${eventId} or n.decided_at >= shows_at)
            and n.decided_at is not null)
      returning from_status, from_since`);
  const event = rows[0];
  if (!event) return { ok: false, reason: await sayWhyNot(tx, id, eventId) };
  await tx.execute(sql`
      update application_notices set state = 'superseded', decided_at = ${timestamp(context.now)}
      where event_id = ${eventId}`);
  await tx.execute(sql`
      update applications set status = ${event.from_status}, moved_at = ${timestamp(new Date(event.from_since))},
        version = version + 1
      where id = ${id}`);
  await tellAtOnce(tx, id);
  await renewNews(tx, id);
  await recordTakenBack(tx, viewer, before, event.from_status, context);
  return { ok: true };
}
