import { sql } from 'drizzle-orm';
import { applicationEvents } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { lockApplication, type LockRefusal } from './application';
import { supersedeWaiting } from './supersede-waiting';
import { asApplicantSees, renewNews } from './shown-move';
import { seesInternal, type Viewer } from './who-sees';

export type AnswerRefusal = TooManyChanges | LockRefusal | Busy | { reason: 'not_asked' };

/**
 * An applicant answers what is asked for: it joins the timeline, those who see to it find it there, and the reminders end. The
 * application stays where it is until they move it. Refused as `not_asked` while nothing is asked for that the applicant can see;
 * a move that is hidden from them changes nothing about that, and stands.
 */
export async function answerApplication(
  db: Db,
  applicant: Viewer,
  { id, note }: { id: string; note: string },
  { now }: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & AnswerRefusal)> {
  const hit = await takeSettingsHit(db, { userId: applicant.userId, kind: 'application' }, now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  const answer = async (tx: Tx) => {
    const locked = await lockApplication(tx, applicant, id);
    if (!locked.ok) return locked;
    const { shown } = await asApplicantSees(tx, locked.application, now);
    if (shown.status !== 'documents_needed') return { ok: false as const, reason: 'not_asked' as const };
    await addAnswer(tx, { applicationId: id, actorId: applicant.userId, note, isAsked: true, now });
    return { ok: true as const };
  };
  const answered = await unlessHeld(() => db.transaction(answer));
  // What is counted is what leaves a row.
  if (!answered.ok) await hit.refund();
  return answered;
}

/**
 * Adds an answer to the timeline of an application that the caller has locked. `isAsked`: something is asked for, as the applicant
 * knows; then that is answered, its reminders end, and so does the request itself where it has not gone out yet. It does not answer what is asked for by a move they could not see yet: the
 * instant of the answer is put before that move.
 */
export async function addAnswer(
  tx: Tx,
  answer: {
    applicationId: string;
    actorId: string;
    note: string;
    messageId?: string;
    isAsked: boolean;
    now: Date;
  },
): Promise<void> {
  const { applicationId, actorId, note, messageId, isAsked, now } = answer;
  await tx.insert(applicationEvents).values({
    applicationId,
    at: now,
    kind: 'answered',
    actorId,
    actorRole: 'applicant',
    note,
    messageId: messageId ?? null,
    showsAt: now,
  });
  if (!isAsked) return;
  await tx.execute(sql`
    update applications set version = version + 1, answered_at = greatest(answered_at, least(${timestamp(now)}, (
      select min(e.at) - interval '1 microsecond' from application_events e
      where e.application_id = ${applicationId} and e.kind = 'moved' and e.undone_at is null and e.shows_at > ${timestamp(now)})))
    where id = ${applicationId}`);
  await tx.execute(sql`
    with told as materialized (
      select id, event_id, kind, decided_at from application_notices where application_id = ${applicationId}
    )
    update application_notices n set state = 'superseded', decided_at = ${timestamp(now)}
    from told join application_events e on e.id = told.event_id
    where n.id = told.id and told.kind in ('documents', 'reminder') and told.decided_at is null
      and e.shows_at <= ${timestamp(now)}`);
  // Also what waits for the morning.
  for (const kind of ['documents', 'reminder'] as const)
    await supersedeWaiting(tx, { applicationId, kind }, now);
  await renewNews(tx, applicationId);
}

/**
 * One of the operator's people writes a note without moving the application: `note` for the applicant to read, `internalNote`
 * for staff and admins. Nothing is sent for it.
 */
export async function addNote(
  db: Db,
  viewer: Viewer,
  { id, note, internalNote }: { id: string; note: string | null; internalNote: string | null },
  { now }: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (LockRefusal | Busy | { reason: 'empty' }))> {
  if (note === null && internalNote === null) return { ok: false, reason: 'empty' };
  if (viewer.role === 'applicant') return { ok: false, reason: 'not_found' };
  const add = async (tx: Tx) => {
    const locked = await lockApplication(tx, viewer, id);
    if (!locked.ok) return locked;
    await tx.insert(applicationEvents).values({
      applicationId: id,
      at: now,
      kind: 'noted',
      actorId: viewer.userId,
      actorRole: viewer.role,
      note,
      internalNote: seesInternal(viewer) ? internalNote : null,
      showsAt: now,
    });
    return { ok: true as const };
  };
  return unlessHeld(() => db.transaction(add));
}

export type AssignRefusal = LockRefusal | Busy | { reason: 'not_assignable' | 'changed_meanwhile' };

/**
 * Staff and admins say who sees to an application (null: nobody in particular), if nobody moved it since `version`, and it is
 * still with `seenAssigneeId`, whom their page showed: so of two who assign it at once the second is told. Its applicant does not
 * see that, and hears nothing. Its version stays, so that nobody else's move is refused for it.
 */
export async function assignApplication(
  db: Db,
  viewer: Viewer,
  {
    id,
    assigneeId,
    seenAssigneeId,
    version,
  }: { id: string; assigneeId: string | null; seenAssigneeId: string | null; version: number },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & AssignRefusal)> {
  if (!seesInternal(viewer)) return { ok: false, reason: 'not_found' };
  if (assigneeId !== null && !isId(assigneeId)) return { ok: false, reason: 'not_assignable' };
  const assign = async (tx: Tx) => {
    // People before applications, as by who deletes an account.
    const canBeGiven = assigneeId === null || (await lockAssignable(tx, assigneeId));
    const locked = await lockApplication(tx, viewer, id);
    if (!locked.ok) return locked;
    const { application } = locked;
    if (application.version !== version) return { ok: false as const, reason: 'changed_meanwhile' as const };
    if (application.assigneeId === assigneeId) return { ok: true as const };
    if (application.assigneeId !== seenAssigneeId)
      return { ok: false as const, reason: 'changed_meanwhile' as const };
    // Nobody sees to their own.
    if (!canBeGiven || (assigneeId !== null && assigneeId === application.applicantId))
      return { ok: false as const, reason: 'not_assignable' as const };
    await tx.execute(sql`
      update applications set assignee_id = ${assigneeId} where id = ${id}`);
    await tx.insert(applicationEvents).values({
      applicationId: id,
      at: context.now,
      kind: 'assigned',
      actorId: viewer.userId,
      actorRole: viewer.role,
      showsAt: context.now,
    });
    const details = { application: id, assignee: assigneeId };
    await recordAudit(
      tx,
      { action: 'application_assigned', userId: null, actorId: viewer.userId, details },
      context,
    );
    return { ok: true as const };
  };
  return unlessHeld(() => db.transaction(assign));
}

async function lockAssignable(tx: Tx, userId: string): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    select from users where id = ${userId} and role in ('broker', 'staff', 'admin') and deactivated_at is null
      and activated_at is not null for key share`);
  return rows.length > 0;
}
