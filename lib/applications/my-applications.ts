import { sql, type SQL } from 'drizzle-orm';
import type { ApplicationEventKind, ApplicationStatus } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { isId } from '@/lib/random';
import { movesFrom } from './moves';

/** One application as its applicant sees it: a move that may still be taken back is not in it. */
export type MyApplication = {
  id: string;
  title: string;
  message: string;
  status: ApplicationStatus;
  /** Since when it is in that status. */
  since: Date;
  version: number;
  createdAt: Date;
  /** What was asked for is answered, and nobody has looked at that yet. */
  isAnswered: boolean;
};

/** What happened to an application, for its applicant to read. */
export type MyEvent = {
  id: number;
  at: Date;
  kind: Exclude<ApplicationEventKind, 'assigned'>;
  toStatus: ApplicationStatus | null;
  note: string | null;
  /** The applicant did it. */
  isMine: boolean;
  /** It came as a text. */
  byText: boolean;
};

type Row = {
  id: string;
  title: string;
  message: string;
  status: ApplicationStatus;
  since: string;
  version: number;
  created_at: string;
  is_answered: boolean;
};

/** The applications of one person that fit, with the last move of each that its applicant sees. */
function selectMine(userId: string, now: Date, fits: SQL): SQL {
  return sql`
    select a.id, a.title, a.message, a.version, a.created_at,
      coalesce(seen.to_status, 'draft') as status, coalesce(seen.at, a.created_at) as since,
      coalesce(a.answered_at >= seen.at, false) as is_answered
    from applications a
    left join lateral (
      select e.to_status, e.at from application_events e
      where e.application_id = a.id and e.kind = 'moved' and e.undone_at is null and e.shows_at <= ${timestamp(now)}
      order by e.id desc limit 1) seen on true
    where a.applicant_id = ${userId} and ${fits}`;
}

/** Someone's applications, newest first, at most `limit`, and only those after `before`. */
export async function listMyApplications(
  db: Db | Tx,
  userId: string,
  now: Date,
  { limit, before = null }: { limit: number; before?: Pick<MyApplication, 'id' | 'createdAt'> | null },
): Promise<MyApplication[]> {
  const older = before
    ? sql`(a.created_at, a.id) < (${timestamp(before.createdAt)}, ${before.id})`
    : sql`true`;
  const { rows } = await db.execute<Row>(sql`
    ${selectMine(userId, now, older)} order by a.created_at desc, a.id desc limit ${limit}`);
  return rows.map(readRow);
}

/** What the page of one application shows to its applicant; null: it is not theirs, or does not exist. */
export async function readMyApplication(
  db: Db,
  userId: string,
  id: string,
  now: Date,
): Promise<{
  application: MyApplication;
  events: MyEvent[];
  /** What the applicant may do now. */
  may: { edit: boolean; submit: boolean; answer: boolean; withdraw: boolean };
} | null> {
  if (!isId(id)) return null;
  const { rows } = await db.execute<Row>(selectMine(userId, now, sql`a.id = ${id}`));
  if (!rows[0]) return null;
  const application = readRow(rows[0]);
  const { status } = application;
  const to = movesFrom(status, 'applicant');
  return {
    application,
    events: await listMyEvents(db, userId, id, now),
    may: {
      edit: status === 'draft',
      submit: to.includes('submitted'),
      answer: status === 'documents_needed',
      withdraw: to.includes('withdrawn'),
    },
  };
}

/** The timeline of an application as its applicant sees it, oldest first. */
export async function listMyEvents(
  db: Db | Tx,
  userId: string,
  applicationId: string,
  now: Date,
): Promise<MyEvent[]> {
  const { rows } = await db.execute<{
    id: string;
    at: string;
    kind: MyEvent['kind'];
    to_status: ApplicationStatus | null;
    note: string | null;
    is_mine: boolean;
    by_text: boolean;
  }>(sql`
    select id, at, kind, to_status, note, actor_role = 'applicant' as is_mine, message_id is not null as by_text
    from application_events
    where application_id = ${applicationId} and undone_at is null and shows_at <= ${timestamp(now)}
      and kind <> 'assigned' and (kind <> 'noted' or note is not null)
      and exists (select from applications a where a.id = ${applicationId} and a.applicant_id = ${userId})
    order by id limit 500`);
  return rows.map((row) => ({
    id: Number(row.id),
    at: new Date(row.at),
    kind: row.kind,
    toStatus: row.to_status,
    note: row.note,
    isMine: row.is_mine,
    byText: row.by_text,
  }));
}

function readRow(row: Row): MyApplication {
  return {
    id: row.id,
    title: row.title,
    message: row.message,
    status: row.status,
    since: new Date(row.since),
    version: row.version,
    createdAt: new Date(row.created_at),
    isAnswered: row.is_answered,
  };
}
