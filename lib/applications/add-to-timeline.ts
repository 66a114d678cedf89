import { sql } from 'drizzle-orm';
import { applicationEvents } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { findApplication } from './application';
import { supersedeWaiting } from './decide-notices';
import { seesInternal, type Viewer } from './who-sees';

export type AnswerRefusal = TooManyChanges | { reason: 'not_found' | 'not_asked' };

/**
 * An applicant answers what is asked for: it joins the timeline, those who see to it find it there, and the reminders end. The
 * application stays where it is until they move it. Refused as `not_asked` while nothing is asked for that the applicant can see.
 */
export async function answerApplication(
  db: Db,
  applicant: Viewer,
  { id, note }: { id: string; note: string },
  { now }: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & AnswerRefusal)> {
  const hit = await takeSettingsHit(db, { userId: applicant.userId, kind: 'application' }, now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  return db.transaction(async (tx) => {
    const application = await findApplication(tx, applicant, id, { lock: true });
    if (application === null) return { ok: false as const, reason: 'not_found' as const };
    if (application.status !== 'documents_needed' || !(await isShown(tx, id, now)))
      return { ok: false as const, reason: 'not_asked' as const };
    await addAnswer(tx, { applicationId: id, actorId: applicant.userId, note, isAsked: true, now });
    return { ok: true as const };
  });
}

/** Whether the applicant sees its last move already. */
async function isShown(tx: Tx, id: string, now: Date): Promise<boolean> {
  const { rows } = await tx.execute<{ shown: boolean }>(sql`
    select shows_at <= ${timestamp(now)} as shown from application_events
    where application_id = ${id} and kind = 'moved' and undone_at is null order by id desc limit 1`);
  return rows[0]?.shown ?? true;
}

/**
 * Adds an answer to the timeline of an application that the caller has locked. `isAsked`: something is asked for, as the applicant
 * knows; then it is answered, and the reminders end.
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
    update applications set answered_at = ${timestamp(now)}, version = version + 1 where id = ${applicationId}`);
  await tx.execute(sql`
    update application_notices set state = 'superseded', decided_at = ${timestamp(now)}
    where application_id = ${applicationId} and kind = 'reminder' and decided_at is null`);
  // Also one that waits for the morning.
  await supersedeWaiting(tx, { applicationId, kind: 'reminder' }, now);
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
): Promise<{ ok: true } | { ok: false; reason: 'not_found' | 'empty' }> {
  if (note === null && internalNote === null) return { ok: false, reason: 'empty' };
  return db.transaction(async (tx) => {
    const application = await findApplication(tx, viewer, id, { lock: true });
    if (application === null || viewer.role === 'applicant')
      return { ok: false as const, reason: 'not_found' as const };
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
  });
}

export type AssignRefusal = { reason: 'not_found' | 'not_assignable' | 'changed_meanwhile' };

/**
 * Staff and admins say who sees to an application (null: nobody in particular), if nobody moved it since `version`. Its
 * applicant does not see that, and hears nothing; so its version stays, by which they would notice.
 */
export async function assignApplication(
  db: Db,
  viewer: Viewer,
  { id, assigneeId, version }: { id: string; assigneeId: string | null; version: number },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & AssignRefusal)> {
  if (!seesInternal(viewer)) return { ok: false, reason: 'not_found' };
  if (assigneeId !== null && !isId(assigneeId)) return { ok: false, reason: 'not_assignable' };
  return db.transaction(async (tx) => {
    const application = await findApplication(tx, viewer, id, { lock: true });
    if (application === null) return { ok: false as const, reason: 'not_found' as const };
    if (application.version !== version) return { ok: false as const, reason: 'changed_meanwhile' as const };
    if (application.assigneeId === assigneeId) return { ok: true as const };
    if (assigneeId !== null) {
      const { rows } = await tx.execute(sql`
        select from users where id = ${assigneeId} and role in ('broker', 'staff', 'admin') and deactivated_at is null
          and activated_at is not null for key share`);
      if (rows.length === 0) return { ok: false as const, reason: 'not_assignable' as const };
    }
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
  });
}
