import { sql } from 'drizzle-orm';
import { applicationEvents, applications } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { isStillSignedIn } from '@/lib/accounts/still-signed-in';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { newId } from '@/lib/random';
import { lockApplication, type Application, type LockRefusal } from './application';
import { moveApplication, type MoveAnswer } from './move-application';
import type { Viewer } from './who-sees';

/** What an applicant writes. */
export type ApplicationText = { title: string; message: string };

export type DraftAnswer =
  | { ok: true; id: string; version: number }
  | ({ ok: false } & (
      | TooManyChanges
      | LockRefusal
      | Busy
      /** It was changed on another page since, or is no draft any more. */
      | { reason: 'changed_meanwhile'; application: Application }
    ));

/**
 * Saves a draft, which only its applicant sees: a new one where `id` is null, else that one, if nobody changed it since
 * `version`. New ones are counted, since each is a row that is kept.
 */
export async function saveDraft(
  db: Db,
  applicant: Viewer,
  draft: ApplicationText & { id: string | null; version: number | null },
  { now }: RequestContext,
): Promise<DraftAnswer> {
  const { title, message } = draft;
  if (draft.id === null) {
    const hit = await takeSettingsHit(db, { userId: applicant.userId, kind: 'application' }, now);
    if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
    const opened = await db.transaction(async (tx) => {
      if (!(await isStillSignedIn(tx, applicant))) return { ok: false as const, reason: 'not_open' as const };
      const id = newId();
      await tx.insert(applications).values({
        id,
        applicantId: applicant.userId,
        title,
        message,
        status: 'draft',
        createdAt: now,
        movedAt: now,
      });
      return { ok: true as const, id, version: 1 };
    });
    if (!opened.ok) await hit.refund();
    return opened;
  }
  const { id } = draft;
  const save = async (tx: Tx) => {
    const locked = await lockApplication(tx, applicant, id);
    if (!locked.ok) return locked;
    const { rows } = await tx.execute<{ version: number }>(sql`
      update applications set title = ${title}, message = ${message}, version = version + 1, moved_at = ${timestamp(now)}
      where id = ${id} and applicant_id = ${applicant.userId} and status = 'draft' and version = ${draft.version}
      returning version`);
    const saved = rows[0];
    if (saved) return { ok: true as const, id, version: saved.version };
    return { ok: false as const, reason: 'changed_meanwhile' as const, application: locked.application };
  };
  return unlessHeld(() => db.transaction(save));
}

/** Saves what was written and hands it in. Where handing in fails, what was written is kept as a draft. */
export async function submitApplication(
  db: Db,
  applicant: Viewer,
  draft: ApplicationText & { id: string | null; version: number | null },
  context: RequestContext,
): Promise<Extract<DraftAnswer, { ok: false }> | (MoveAnswer & { id: string })> {
  const saved = await saveDraft(db, applicant, draft, context);
  if (!saved.ok) return saved;
  const { id, version } = saved;
  return { ...(await moveApplication(db, applicant, { id, to: 'submitted', version }, context)), id };
}

/**
 * Opens an application, handed in already, for someone who has no account: nothing is sent to them. They are counted by who opens
 * them, since each is a row that is kept, and is in everyone's list.
 */
export async function openForSomeone(
  db: Db,
  staff: Viewer,
  { name, title, message }: ApplicationText & { name: string },
  context: RequestContext,
): Promise<
  | { ok: true; id: string }
  | { ok: false; reason: 'too_many_opened'; retryAt: Date }
  | { ok: false; reason: 'not_open' }
> {
  const id = newId();
  const { now } = context;
  const keys = limitKeys('opened_by', [staff.userId]);
  const hit = await takeHits(db, [{ keys, rules: limits.openedPerPerson }], now);
  if (!hit.ok) return { ok: false, reason: 'too_many_opened', retryAt: hit.retryAt };
  const isOpened = await db.transaction(async (tx) => {
    if (!(await isStillSignedIn(tx, staff))) return false;
    await tx.insert(applications).values({
      id,
      applicantName: name,
      title,
      message,
      status: 'submitted',
      assigneeId: staff.userId,
      createdAt: now,
      movedAt: now,
    });
    await tx.insert(applicationEvents).values({
      applicationId: id,
      at: now,
      kind: 'moved',
      toStatus: 'submitted',
      actorId: staff.userId,
      actorRole: staff.role,
      showsAt: now,
    });
    const details = { application: id, to: 'submitted' };
    await recordAudit(
      tx,
      { action: 'application_opened', userId: null, actorId: staff.userId, details },
      context,
    );
    return true;
  });
  if (isOpened) return { ok: true, id };
  await hit.refund();
  return { ok: false, reason: 'not_open' };
}

/**
 * Removes a draft, which nobody but its applicant has ever seen, if it is as it was at `version`. Refused with the reasons of
 * `lockApplication`, as `busy`, and as `not_a_draft` where it is none, or was changed since.
 */
export async function discardDraft(
  db: Db,
  applicant: Viewer,
  { id, version }: { id: string; version: number },
): Promise<{ ok: true } | ({ ok: false } & (LockRefusal | Busy | { reason: 'not_a_draft' }))> {
  const discard = async (tx: Tx) => {
    const locked = await lockApplication(tx, applicant, id);
    if (!locked.ok) return locked;
    const { rowCount } = await tx.execute(sql`
      delete from applications
      where id = ${id} and applicant_id = ${applicant.userId} and status = 'draft' and version = ${version}::bigint`);
    return rowCount === 1 ? { ok: true as const } : { ok: false as const, reason: 'not_a_draft' as const };
  };
  return unlessHeld(() => db.transaction(discard));
}

/** Removes drafts that nobody has touched since `before`, `limit` at most. Out: how many. */
export async function pruneDrafts(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from applications where id = any(array(
      select id from applications where status = 'draft' and moved_at < ${timestamp(before)}
      order by moved_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
