import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/**
 * What becomes of a person's applications when their account ends: drafts go. What was handed in stays as the operator's record,
 * without a link to the person, until it is old enough (`pruneApplications`): credit decisions are kept 25 months (12 CFR
 * 1002.12). What nobody has decided yet counts as withdrawn.
 */
export async function eraseApplications(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.execute(sql`delete from applications where applicant_id = ${userId} and status = 'draft'`);
  await tx.execute(sql`
    with ended as (
      update applications set status = 'withdrawn', moved_at = ${timestamp(now)}, version = version + 1
      where applicant_id = ${userId} and status in ('submitted', 'in_review', 'documents_needed')
      returning id
    )
    insert into application_events (application_id, at, kind, to_status, actor_role, shows_at)
    select id, ${timestamp(now)}, 'moved', 'withdrawn', 'applicant', ${timestamp(now)} from ended`);
}

/** So many are left to the transaction that ends the account: an account that stays after all has lost none of them. */
const leftForLast = 1_000;

/** The applications of someone but for the newest, `limit` at most: their ids. Nearly everyone has none of these. */
export async function findOldApplications(db: Db, userId: string, limit: number): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select id from applications where applicant_id = ${userId}
    order by created_at desc, id desc offset ${leftForLast} limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Does with these applications of someone what the end of their account would, in a transaction of its own. */
export async function endApplications(
  db: Db,
  userId: string,
  ids: readonly string[],
  now: Date,
): Promise<void> {
  await db.execute(sql`
    with held as materialized (
      select id, status, status in ('submitted', 'in_review', 'documents_needed') as is_open from applications
      where id = any(${sql.param(ids)}::uuid[]) and applicant_id = ${userId} order by id for update
    ), discarded as (
      delete from applications a using held where a.id = held.id and held.status = 'draft'
    ), unlinked as (
      update applications a set applicant_id = null, status = case when held.is_open then 'withdrawn' else a.status end,
        moved_at = case when held.is_open then ${timestamp(now)} else a.moved_at end, version = a.version + held.is_open::int
      from held where a.id = held.id and held.status <> 'draft'
    )
    insert into application_events (application_id, at, kind, to_status, actor_role, shows_at)
    select id, ${timestamp(now)}, 'moved', 'withdrawn', 'applicant', ${timestamp(now)} from held where is_open`);
}

/** The events by someone that nobody can take back any more, `limit` at most: their ids. */
export async function findActed(db: Db, userId: string, now: Date, limit: number): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select id::text as id from application_events
    where actor_id = ${userId} and shows_at <= ${timestamp(now)} limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Takes from these events who did it, as the end of their account would. */
export async function forgetActor(db: Db, ids: readonly string[]): Promise<void> {
  await db.execute(sql`
    update application_events set actor_id = null
    where id = any(array(
      select id from application_events where id = any(${sql.param(ids)}::bigint[]) order by id for no key update))`);
}

/** The applications that someone sees to, `limit` at most: their ids. */
export async function findAssigned(db: Db, userId: string, limit: number): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select id from applications where assignee_id = ${userId} limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Leaves these applications to nobody in particular, as the end of the account would of who sees to them. */
export async function forgetAssignee(db: Db, userId: string, ids: readonly string[]): Promise<void> {
  await db.execute(sql`
    update applications set assignee_id = null
    where assignee_id = ${userId} and id = any(array(
      select id from applications where id = any(${sql.param(ids)}::uuid[]) order by id for no key update))`);
}

/**
 * Removes applications, with their timelines, that nobody has moved since `before`, `limit` at most: what was decided or withdrawn,
 * and all of those whose account is gone, such as where a decision about one was taken back or made again. Out: how many.
 */
export async function pruneApplications(db: Db, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from applications where id = any(array(
      select id from applications
      where status <> 'draft' and moved_at < ${timestamp(before)}
        and (status in ('approved', 'declined', 'withdrawn') or (applicant_id is null and applicant_name is null))
      order by moved_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
