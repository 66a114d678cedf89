import { sql, type SQL } from 'drizzle-orm';
import type { ApplicationEventKind, ApplicationStatus } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { isId } from '@/lib/random';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { movesFrom } from './moves';
import { inSeenOrder, isSeenOf } from './seen-events';
import { shownMove, shownVersion } from './shown-move';
import { isOwn } from './who-sees';

/** So many of a person's applications are counted; nobody has as many. */
const mostCounted = 100;
/** How many applications the list of a person shows at a time. */
const pageSize = 20;
/** The newest of a timeline that are shown: nobody reads more, and answers have no end. */
const mostEvents = 100;

/** One application as its applicant sees it: a move that may still be taken back is not in it. */
export type MyApplication = {
  id: string;
  title: string;
  message: string;
  status: ApplicationStatus;
  /** Since when it is in that status; where what was asked for is answered, since then. */
  since: Date;
  /** For the forms about it: `shownVersion`. */
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
  move_id: string | null;
  created_at: string;
  is_answered: boolean;
};

/** The applications of one person that fit, with the last move of each that its applicant sees. */
function selectMine(userId: string, now: Date, fits: SQL): SQL {
  return sql`
    select a.id, a.title, a.message, a.version, a.created_at, seen.id::text as move_id,
      coalesce(seen.to_status, 'draft') as status,
      case when seen.to_status = 'documents_needed' and a.answered_at >= seen.at then a.answered_at
        else coalesce(seen.at, a.created_at) end as since,
      coalesce(a.answered_at >= seen.at, false) as is_answered
    from applications a
    left join lateral (${shownMove(now)}) seen on true
    where ${isOwn(userId)} and ${fits}`;
}

/** Someone's applications, newest first, at most `limit`, and only those after `before`. */
export async function listMyApplications(
  db: Db | Tx,
  userId: string,
  now: Date,
  { limit, before = null }: { limit: number; before?: MyApplicationsPlace | null },
): Promise<MyApplication[]> {
  const older = before
    ? sql`(a.created_at, a.id) < (${timestamp(before.createdAt)}, ${before.id})`
    : sql`true`;
  const { rows } = await db.execute<Row>(sql`
    ${selectMine(userId, now, older)} order by a.created_at desc, a.id desc limit ${limit}`);
  return rows.map(readRow);
}

/** Where a list of applications goes on: the last one that was shown. */
export type MyApplicationsPlace = Pick<MyApplication, 'id' | 'createdAt'>;

/** What the list of someone's applications shows: those after `before`, newest first, and where older ones begin. */
export async function readMyApplicationsPage(
  db: Db,
  userId: string,
  now: Date,
  before: MyApplicationsPlace | null,
): Promise<{
  timeZone: string | null;
  applications: MyApplication[];
  older: MyApplicationsPlace | null;
}> {
  const [preferences, found] = await Promise.all([
    readPreferences(db, userId),
    listMyApplications(db, userId, now, { limit: pageSize + 1, before }),
  ]);
  const applications = found.slice(0, pageSize);
  return {
    timeZone: preferences?.timeZone ?? null,
    applications,
    older: found.length > pageSize ? (applications.at(-1) ?? null) : null,
  };
}

/** How many applications someone has, as they see them; of those who have very many, of the newest. */
export type MyApplicationCounts = { drafts: number; underWay: number; handedIn: number };

const underWay: ReadonlySet<ApplicationStatus> = new Set(['submitted', 'in_review', 'documents_needed']);

/** Counts them by what becomes of each when the account ends (`eraseApplications`). */
export async function countMyApplications(db: Db, userId: string, now: Date): Promise<MyApplicationCounts> {
  const { rows } = await db.execute<{ status: ApplicationStatus }>(sql`
    select coalesce(seen.to_status, 'draft') as status
    from applications a
    left join lateral (${shownMove(now)}) seen on true
    where ${isOwn(userId)} order by a.created_at desc, a.id desc limit ${mostCounted}`);
  return {
    drafts: rows.filter(({ status }) => status === 'draft').length,
    underWay: rows.filter(({ status }) => underWay.has(status)).length,
    handedIn: rows.filter(({ status }) => status !== 'draft').length,
  };
}

/** What the page of one application shows to its applicant. */
export type MyApplicationPage = {
  timeZone: string | null;
  application: MyApplication;
  /** Oldest first. */
  events: MyEvent[];
  /** There were earlier events than these. */
  isCut: boolean;
  /** What the applicant may do now. */
  may: { edit: boolean; submit: boolean; answer: boolean; withdraw: boolean };
};

/** Reads it; null: it is not theirs, or does not exist. */
export async function readMyApplication(
  db: Db,
  userId: string,
  id: string,
  now: Date,
): Promise<MyApplicationPage | null> {
  if (!isId(id)) return null;
  const [preferences, { rows }, found] = await Promise.all([
    readPreferences(db, userId),
    db.execute<Row>(selectMine(userId, now, sql`a.id = ${id}`)),
    listMyEvents(db, userId, id, now, { limit: mostEvents + 1 }),
  ]);
  if (!rows[0]) return null;
  const application = readRow(rows[0]);
  const { status } = application;
  const to = movesFrom(status, 'applicant');
  return {
    timeZone: preferences?.timeZone ?? null,
    application,
    events: found.slice(-mostEvents),
    isCut: found.length > mostEvents,
    may: {
      edit: status === 'draft',
      submit: to.includes('submitted'),
      answer: status === 'documents_needed',
      // A draft that is withdrawn is gone: `discardDraft`.
      withdraw: status === 'draft' || to.includes('withdrawn'),
    },
  };
}

/**
 * The timeline of an application as its applicant sees it, oldest first; where there is more than `limit`, its end, or, to read it by
 * the page, what comes just after the event `after` (0: from its beginning).
 */
export async function listMyEvents(
  db: Db | Tx,
  userId: string,
  applicationId: string,
  now: Date,
  { limit = 500, after = null }: { limit?: number; after?: number | null } = {},
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
    select e.id, e.at, e.kind, e.to_status, e.note, e.actor_role = 'applicant' as is_mine, e.message_id is not null as by_text
    from application_events e
    where ${isSeenOf(applicationId)} and e.undone_at is null and e.shows_at <= ${timestamp(now)}
      ${after === null ? sql`` : sql`and e.id > ${after}`}
      and exists (select from applications a where a.id = ${applicationId} and ${isOwn(userId)})
    order by ${after === null ? inSeenOrder.last : inSeenOrder.first} limit ${limit}`);
  return (after === null ? rows.reverse() : rows).map((row) => ({
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
    version: shownVersion(row.version, row.move_id === null ? null : Number(row.move_id)),
    createdAt: new Date(row.created_at),
    isAnswered: row.is_answered,
  };
}
