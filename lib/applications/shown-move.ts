import { sql, type SQL } from 'drizzle-orm';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { Application } from './application';

/**
 * The last move of an application that its applicant sees at `now`, as a query about the table `applications` under the name
 * `a`. One that was taken back, or may still be, is none. One that they were told of is seen, also by a request whose `now` is from
 * before that: it waited for its turn.
 */
export function shownMove(now: Date): SQL {
  return sql`
    select e.id, e.to_status, e.at from application_events e
    where e.application_id = a.id and e.kind = 'moved' and e.undone_at is null
      and (e.shows_at <= ${timestamp(now)} or exists (
        select from application_notices n where n.event_id = e.id and n.decided_at is not null))
    order by e.id desc limit 1`;
}

/**
 * The id of an application where its events are read from the end. As a value it would tell the planner that one application has many of
 * them, which then reads the events of all from the end, in the hope to meet one of its kind soon.
 */
export function idOfMany(id: string): SQL {
  return sql`(select ${id}::uuid)`;
}

/**
 * The version of an application that the forms of its applicant carry: of a draft as it counts its changes; later that of the last
 * move that they see, below zero, so that it is never taken for a draft's. A hidden move leaves it as it is, and so does undoing it.
 */
export function shownVersion(draftVersion: number, shownMoveId: number | null): number {
  return shownMoveId === null ? draftVersion : -shownMoveId;
}

/** An application that the caller has locked, as its applicant sees it, and the id of the last move that they see. */
export async function asApplicantSees(
  tx: Tx,
  application: Application,
  now: Date,
): Promise<{ shown: Application; shownMoveId: number | null }> {
  const { rows } = await tx.execute<{ id: string; to_status: ApplicationStatus; at: string }>(sql`
    select e.id::text as id, e.to_status, e.at from applications a cross join lateral (${shownMove(now)}) e
    where a.id = ${application.id}`);
  const last = rows[0];
  if (!last) return { shown: application, shownMoveId: null };
  const shownMoveId = Number(last.id);
  const version = shownVersion(application.version, shownMoveId);
  return {
    shown: { ...application, status: last.to_status, movedAt: new Date(last.at), version },
    shownMoveId,
  };
}

/** Takes back all moves after one, in an application that the caller has locked: nothing of them is shown or sent. */
export async function takeBackAfter(
  tx: Tx,
  { applicationId, moveId, now }: { applicationId: string; moveId: number; now: Date },
): Promise<void> {
  await tx.execute(sql`
    with undone as (
      update application_events set undone_at = ${timestamp(now)}
      where application_id = ${applicationId} and id > ${moveId} and kind = 'moved' and undone_at is null
      returning id
    ), told as materialized (
      select n.id, n.decided_at from undone join application_notices n on n.event_id = undone.id
    )
    update application_notices n set state = 'superseded', decided_at = ${timestamp(now)}
    from told where n.id = told.id and told.decided_at is null`);
  await renewNews(tx, applicationId);
}

/** Says with an application again what became of the last news that stands, once a move was taken back. */
export async function renewNews(tx: Tx, applicationId: string): Promise<void> {
  await tx.execute(sql`
    update applications set news = (
      select state from application_notices n join application_events e on e.id = n.event_id
      where n.application_id = ${applicationId} and e.undone_at is null and n.kind <> 'reminder'
      order by n.event_id desc limit 1)
    where id = ${applicationId}`);
}
