import { sql, type SQL } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import type { ApplicationStatus, NewsState } from '@/db/schema/applications';
import type { MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { plannedAnew } from '@/db/prepared-statements';
import { timestamp } from '@/db/timestamp';
import { readUndoSeconds } from '@/lib/applications/undo-time';
import { seenBy, type Viewer } from '@/lib/applications/who-sees';
import { isId } from '@/lib/random';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { cutPage, exactInstant, readKeyset, type Keyset } from './keyset';
import { findPeople, matchesPerson, type PeopleSearch } from './people';

/** Where an application can be that the operator's people see. */
export const seenStatuses = [
  'submitted',
  'in_review',
  'documents_needed',
  'approved',
  'declined',
  'withdrawn',
] as const satisfies readonly ApplicationStatus[];

type SeenStatus = (typeof seenStatuses)[number];

/** What the list can be narrowed down to of what became of the last news. */
export const seenNews = ['waiting', 'texted', 'mailed', 'unreached'] as const satisfies readonly NewsState[];

/** For how many days an application may have been in its status, where old ones are looked for. */
export const ages = [1, 3, 7] as const;

export type ApplicationsQuery = {
  search: PeopleSearch | null;
  status: SeenStatus | null;
  /** A person's id, or one of two words. */
  assignee: 'me' | 'nobody' | (string & {}) | null;
  /** In its status for longer than so many days. */
  ageDays: (typeof ages)[number] | null;
  news: (typeof seenNews)[number] | null;
  /** The place in the list, from `older` of the page before; anything else is its beginning. */
  after: string | undefined;
};

/** An application as the list shows it. */
export type ListedApplication = {
  id: string;
  title: string;
  status: ApplicationStatus;
  /** Since when it is in that status. */
  since: Date;
  /** Null: their account is gone. */
  applicant: string | null;
  /** Null: nobody in particular. */
  assignee: string | null;
  news: NewsState | null;
  /** Of news that went as a text: what became of that. */
  textStatus: MessageStatus | null;
  isAnswered: boolean;
  /** The applicant texted where nothing was asked for, and nobody has moved it or written a note since. */
  hasNewText: boolean;
};

/** One of the operator's people, to whom an application can be given. */
export type Assignable = { id: string; name: string; role: Role };

export type ApplicationsPage = {
  applications: ListedApplication[];
  older: string | null;
  /** How many are in each status, of all that the viewer sees. */
  counts: Record<SeenStatus, number>;
  /** So many people are looked for that only some of them are. */
  isTooWide: boolean;
  /** Empty for brokers, who see their own alone. */
  assignable: Assignable[];
  undoSeconds: number;
  /** The viewer's, in which moments are said to them; null: it is not known. */
  timeZone: string | null;
};

/** Statuses are counted to so many, and no further. */
export const mostCounted = 1_000;

const applicationsPerPage = 50;

/** So many people are looked up for a search, and so many names of people without an account. */
const mostFound = 1_000;
/** The same where it is looked for among what one person sees to: more of them would be found sooner by looking through that. */
const mostFoundOfOne = 5_000;

/** Reads all that the list shows to one of the operator's people. */
export async function readApplicationsPage(
  db: Db,
  viewer: Viewer,
  query: ApplicationsQuery,
  now: Date,
): Promise<ApplicationsPage> {
  const [page, counts, assignable, undoSeconds, preferences] = await Promise.all([
    listApplications(db, viewer, query, now, applicationsPerPage),
    countByStatus(db, viewer),
    viewer.role === 'broker' ? [] : listAssignable(db),
    readUndoSeconds(db, viewer.userId),
    readPreferences(db, viewer.userId),
  ]);
  return { ...page, counts, assignable, undoSeconds, timeZone: preferences?.timeZone ?? null };
}

type Row = {
  id: string;
  at: string;
  title: string;
  status: ApplicationStatus;
  applicant: string | null;
  assignee: string | null;
  news: NewsState | null;
  text_status: MessageStatus | null;
  answered: boolean;
  new_text: boolean;
};

/**
 * Reads a page of applications, newest move first. `older` leads on: the place of the last one shown, null at the end. Each
 * status is read by itself in the order of an index, so that a page costs the same however many there are.
 */
export async function listApplications(
  db: Db,
  viewer: Viewer,
  query: ApplicationsQuery,
  now: Date,
  pageSize: number,
): Promise<Pick<ApplicationsPage, 'applications' | 'older' | 'isTooWide'>> {
  const { page, isTooWide } = await matchApplications(db, viewer, query, now, pageSize + 1);
  const { rows } = await db.execute<Row>(sql`
    with page as materialized (${page})
    select a.id, ${exactInstant(sql`a.moved_at`)} as at, a.title, a.status, coalesce(p.name, a.applicant_name) as applicant,
      w.name as assignee, a.news, t.status as text_status,
      a.status = 'documents_needed' and coalesce(a.answered_at >= a.moved_at, false) as answered,
      a.status in ('submitted', 'in_review') and coalesce((
        select e.kind = 'answered' from application_events e
        where e.application_id = a.id and e.kind <> 'assigned' and e.undone_at is null
        order by e.id desc limit 1), false) as new_text
    from page join applications a on a.id = page.id
    left join users p on p.id = a.applicant_id left join users w on w.id = a.assignee_id
    left join lateral (
      select message_id from application_notices n
      where n.application_id = a.id and n.state = 'texted' and a.news = 'texted' order by n.due_at desc limit 1) n on true
    ${lastTry(sql`n.message_id`)}
    order by a.moved_at desc, a.id desc`);
  const { rows: shown, older } = cutPage(rows, pageSize);
  return { applications: shown.map(readRow), older, isTooWide };
}

/**
 * What someone sees of what they ask for, as a statement of `id` and `moved_at`, newest move first, `limit` at most. `isTooWide`: so
 * many people are looked for that it is about some of them only.
 */
export async function matchApplications(
  db: Db,
  viewer: Viewer,
  query: ApplicationsQuery,
  now: Date,
  limit: number,
): Promise<{ page: SQL; isTooWide: boolean }> {
  const narrowed = narrow(viewer, query, now);
  const search = limitDigits(viewer, query.search);
  // What one person sees to is few enough to be looked through by itself.
  const { assignee } = query;
  const isBounded = viewer.role === 'broker' || assignee === 'me' || (assignee !== null && isId(assignee));
  const most = isBounded ? mostFoundOfOne : mostFound;
  const found = search === null ? null : await findApplicants(db, search, most);
  const newest = sql`order by moved_at desc, id desc limit ${literal(limit)}`;
  const ids = sql`a.id, a.moved_at`;
  const statuses = seenStatuses.filter((status) => status === (query.status ?? status));
  const walk = (fits: SQL) =>
    ofEach(
      statuses,
      (status) => sql`
        select ${ids} from applications a where a.status = ${status} and ${narrowed} and ${fits} ${newest}`,
    );
  let page: SQL;
  if (search !== null && found !== null && found.isTooWide && isBounded) {
    page = walk(sql`(${hasName(search)} or ${isOfPerson(search, found)})`);
  } else if (found !== null) {
    const inStatus = sql`a.status in (${sql.join(statuses.map(literal), sql`, `)})`;
    // By itself, or the order would lead through the applications of everyone.
    const ofPeople = isBounded
      ? sql`select ${ids} from applications a where a.applicant_id = any(${idArray(found.people)}) and ${inStatus} and ${narrowed} offset 0`
      : sql`
        select each.id, each.moved_at from unnest(${idArray(found.people)}) p(id) cross join lateral (
          select ${ids} from applications a where a.applicant_id = p.id and ${inStatus} and ${narrowed} ${newest}) each`;
    page = sql`
      (${ofPeople})
      union all
      (select ${ids} from applications a where a.id = any(${idArray(found.named)}) and ${inStatus} and ${narrowed} ${newest})`;
  } else {
    page = walk(sql`true`);
  }
  return {
    page: sql`select id, moved_at from (${page}) fits ${newest}`,
    isTooWide: !isBounded && (found?.isTooWide ?? false),
  };
}

/**
 * Numbers are shown masked here, and nobody is to find out the other digits one by one: staff and admins find a number by the four
 * digits that they are shown or by the whole of it, brokers by the whole alone.
 */
function limitDigits(viewer: Viewer, search: PeopleSearch | null): PeopleSearch | null {
  if (search === null || !('lastDigits' in search)) return search;
  return viewer.role === 'broker' ? { phone: `+${search.lastDigits}` } : search;
}

/** What one of the operator's people sees, of what they ask for, on the page they are at; but for status and search. */
function narrow(viewer: Viewer, { assignee, ageDays, news, after }: ApplicationsQuery, now: Date): SQL {
  const conditions = [seenBy(viewer)];
  const assigneeId = assignee === 'me' ? viewer.userId : assignee;
  if (assigneeId === 'nobody') conditions.push(sql`a.assignee_id is null`);
  else if (assigneeId !== null && isId(assigneeId)) conditions.push(sql`a.assignee_id = ${assigneeId}`);
  if (ageDays !== null) {
    const before = new Date(now.getTime() - ageDays * 24 * 3600 * 1000);
    conditions.push(sql`a.moved_at < ${timestamp(before)}`);
  }
  const known = seenNews.find((each) => each === news);
  if (known) conditions.push(sql`a.news = ${literal(known)}`);
  const place: Keyset | null = readKeyset(after, 'uuid');
  if (place) conditions.push(sql`(a.moved_at, a.id) < (${place.at}::timestamptz, ${place.id}::uuid)`);
  return sql.join(conditions, sql` and `);
}

type Found = {
  people: string[];
  /** There are no more people than these. */
  areAllFound: boolean;
  named: string[];
  isTooWide: boolean;
};

/** Finds the accounts that are looked for, and the applications of those without one, `most` of each. */
async function findApplicants(db: Db, search: PeopleSearch, most: number): Promise<Found> {
  const [people, named] = await Promise.all([
    findPeople(db, search, most + 1),
    'text' in search ? findNamed(db, search, most + 1) : [],
  ]);
  const isTooWide = people.length > most || named.length > most;
  return {
    people: people.slice(0, most),
    areAllFound: people.length <= most,
    named: named.slice(0, most),
    isTooWide,
  };
}

async function findNamed(db: Db, search: PeopleSearch, limit: number): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    ${plannedAnew} select a.id from applications a where ${hasName(search)} limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Whether someone without an account is looked for, by how their name begins. */
function hasName(search: PeopleSearch): SQL {
  if (!('text' in search)) return sql`false`;
  const pattern = `${search.text.replace(/[\\%_]/g, '\\$&')}%`;
  return sql`a.applicant_name is not null and lower(a.applicant_name) like lower(${pattern})`;
}

/** Whether someone with an account is looked for. */
function isOfPerson(search: PeopleSearch, { people, areAllFound }: Found): SQL {
  return areAllFound
    ? sql`a.applicant_id = any(${idArray(people)})`
    : sql`(select ${matchesPerson(search, sql`p`)} from users p where p.id = a.applicant_id)`;
}

/** Counts what someone sees in each status, to one more than is said: in the order of an index, which is read no further. */
export async function countByStatus(db: Db, viewer: Viewer): Promise<ApplicationsPage['counts']> {
  const { rows } = await db.execute<{ status: SeenStatus; count: number }>(sql`
    ${ofEach(
      seenStatuses,
      (status) => sql`
        select ${status} as status, count(*)::int as count from (
          select from applications a where a.status = ${status} and ${seenBy(viewer)}
          order by a.moved_at limit ${literal(mostCounted + 1)}) few`,
    )}`);
  return Object.fromEntries(rows.map(({ status, count }) => [status, count])) as ApplicationsPage['counts'];
}

const mostAssignable = 1_000;

/** The operator's people who can be given an application, by name. */
export async function listAssignable(db: Db): Promise<Assignable[]> {
  const { rows } = await db.execute<Assignable>(sql`
    select id, name, role from users
    where role <> 'applicant' and role in ('broker', 'staff', 'admin') and deactivated_at is null and activated_at is not null
    order by lower(name), id limit ${mostAssignable}`);
  return rows;
}

/** Joins, as `t`, the last repetition of a text, which says what became of it. */
export function lastTry(messageId: SQL): SQL {
  return sql`
    left join lateral (
      with recursive tries as (
        select m.id, m.status, m.reason, m.send_after, m.created_at from sms_messages m where m.id = ${messageId}
        union all
        select m.id, m.status, m.reason, m.send_after, m.created_at from tries
        join sms_messages m on m.dedupe_key = 'retry:' || tries.id::text)
      select status, reason, send_after from tries order by created_at desc limit 1) t on true`;
}

// Statuses, news and limits stand in the text of these statements. Of one that comes as a value the planner knows only how many there are
// of any. Where only few of them occur it takes an index of all applications, and reads the whole of it for one in which none are.

/** Puts a statement about each of some statuses together. */
function ofEach(statuses: readonly SeenStatus[], about: (status: SQL) => SQL): SQL {
  return sql.join(
    statuses.map((status) => sql`(${about(literal(status))})`),
    sql` union all `,
  );
}

/** Only ever one of the words of these lists, or a number. */
function literal(value: SeenStatus | (typeof seenNews)[number] | number): SQL {
  return sql.raw(typeof value === 'number' ? String(value) : `'${value}'`);
}

function idArray(ids: readonly string[]): SQL {
  return sql`${`{${ids.join(',')}}`}::uuid[]`;
}

function readRow(row: Row): ListedApplication {
  return {
    id: row.id,
    title: row.title,
    status: row.status,
    since: new Date(row.at),
    applicant: row.applicant,
    assignee: row.assignee,
    news: row.news,
    textStatus: row.text_status,
    isAnswered: row.answered,
    hasNewText: row.new_text,
  };
}
