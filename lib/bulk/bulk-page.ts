import { sql, type SQL } from 'drizzle-orm';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { BulkForecast, BulkOutcome, BulkPauseReason, BulkState } from '@/db/schema/bulk';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { seenBy, type Viewer } from '@/lib/applications/who-sees';
import { env } from '@/lib/env';
import { isId } from '@/lib/random';
import { shareBudget, sumSpend } from '@/lib/sms/capacity/budget';
import { countWaitingOfMany } from '@/lib/sms/capacity/send-order';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { sourcesOf } from './forecast';
import { readForecast } from './keep-forecast';
import { isForgotten } from './prune-bulk';
import { markAim, requireMover } from './select-bulk';

/** Of the applications of a draft, how many can be moved as they are, and how many not, by why. */
export type BulkChances = { allowed: number; changed: number; notAllowed: number; gone: number };

/** An application of a draft, named; `title` null: it was deleted, or is not for this person to see. `chance` null: nobody said where to. */
export type BulkItem = {
  id: string;
  title: string | null;
  applicant: string | null;
  chance: keyof BulkChances | null;
};

/** So many applications of a draft are named, and so many of those that would not be moved. */
const mostNamed = 20;

/** A bulk move as staff and admins see it. */
export type BulkPage = {
  id: string;
  state: BulkState;
  stateAt: Date;
  /** Null: their account is gone. */
  createdBy: string | null;
  createdAt: Date;
  startedBy: string | null;
  startedAt: Date | null;
  to: ApplicationStatus | null;
  note: string | null;
  isCut: boolean;
  pausedBecause: BulkPauseReason | null;
  /** How many applications it is about. */
  items: number;
  /** Those that are not decided yet. */
  open: number;
  outcomes: Record<BulkOutcome, number>;
  /** All were moved, and there was no way to tell some of their applicants; false where not all were, for nobody asks then. */
  isSomeUnreached: boolean;
  /** Stands for where to and the note, as they are shown here: what is started has to be the same (`startBulkMove`). */
  aim: string;
  /** Where the applications are now, the most frequent first; of drafts alone. */
  byStatus: { status: ApplicationStatus; count: number }[];
  /** The first of them, and the first that would not be moved; of drafts alone. */
  named: { first: BulkItem[]; staying: BulkItem[] };
  /** Of a draft that says where to move: what would come of it. */
  summary: {
    chances: BulkChances;
    /** Null: it is being counted, and there some seconds later. */
    forecast: BulkForecast | null;
    budgetLeftMicros: number;
    budgetMicros: number;
    /** Texts a second of the sender; null: it has no pace. */
    pace: number | null;
    /** The other bulk moves that go on, and how many of their applications and texts are still to go. */
    others: { moves: number; left: number };
  } | null;
  timeZone: string | null;
};

type Row = {
  state: BulkState;
  state_at: string;
  created_by: string | null;
  created_at: string;
  started_by: string | null;
  started_at: string | null;
  to_status: ApplicationStatus | null;
  note: string | null;
  is_cut: boolean;
  paused_because: BulkPauseReason | null;
  items: number;
  forecast: string | null;
};

/** Reads all that the page of a bulk move shows; null: there is none, or none any more, or it is someone else's draft. */
export async function readBulkPage(db: Db, viewer: Viewer, id: string, now: Date): Promise<BulkPage | null> {
  requireMover(viewer);
  if (!isId(id)) return null;
  const { rows } = await db.execute<Row>(sql`
    select m.state, m.state_at, c.name as created_by, m.created_at, s.name as started_by, m.started_at, m.to_status, m.note, m.is_cut,
      m.paused_because, m.forecast::text as forecast,
      coalesce((select max(nth) from bulk_items i where i.bulk_id = m.id), 0) as items
    from bulk_moves m left join users c on c.id = m.created_by left join users s on s.id = m.started_by
    where m.id = ${id} and (m.state <> 'draft' or m.created_by = ${viewer.userId}) and not ${isForgotten(now)}`);
  const row = rows[0];
  if (!row) return null;
  const isDraft = row.state === 'draft';
  const to = row.to_status;
  const [counted, byStatus, named, summary, preferences] = await Promise.all([
    countOutcomes(db, id),
    isDraft ? countStatuses(db, viewer, id) : [],
    isDraft ? nameItems(db, viewer, { id, to }) : { first: [], staying: [] },
    isDraft && to !== null ? summarize(db, viewer, { ...row, id, to }, now) : null,
    readPreferences(db, viewer.userId),
  ]);
  return {
    ...{ id, to, byStatus, named, summary, note: row.note, isCut: row.is_cut, state: row.state },
    aim: markAim(to, row.note),
    stateAt: new Date(row.state_at),
    createdBy: row.created_by,
    createdAt: new Date(row.created_at),
    startedBy: row.started_by,
    startedAt: row.started_at === null ? null : new Date(row.started_at),
    pausedBecause: row.paused_because,
    ...counted,
    timeZone: preferences?.timeZone ?? null,
  };
}

type Counted = Pick<BulkPage, 'items' | 'open' | 'outcomes' | 'isSomeUnreached'>;

async function countOutcomes(db: Db, id: string): Promise<Counted> {
  const { rows } = await db.execute<{ outcome: BulkOutcome | null; count: number }>(sql`
    select outcome, count(*)::int as count from bulk_items where bulk_id = ${id} group by outcome`);
  const outcomes = {
    ...{ moved: 0, changed_meanwhile: 0, not_allowed: 0 },
    ...{ not_found: 0, moved_too_often: 0, failed: 0 },
  };
  let [items, open] = [0, 0];
  for (const { outcome, count } of rows) {
    items += count;
    if (outcome === null) open += count;
    else outcomes[outcome] = count;
  }
  const isSomeUnreached = items > 0 && outcomes.moved === items && (await findUnreached(db, id));
  return { items, open, outcomes, isSomeUnreached };
}

async function findUnreached(db: Db, id: string): Promise<boolean> {
  const { rows } = await db.execute<{ is_some: boolean }>(sql`
    select exists (
      select from bulk_items i join application_notices n on n.event_id = i.event_id
      where i.bulk_id = ${id} and n.kind <> 'reminder' and n.state = 'unreached') as is_some`);
  return rows[0]!.is_some;
}

async function countStatuses(db: Db, viewer: Viewer, id: string): Promise<BulkPage['byStatus']> {
  const { rows } = await db.execute<{ status: ApplicationStatus; count: number }>(sql`
    select a.status, count(*)::int as count from bulk_items i join applications a on a.id = i.application_id
    where i.bulk_id = ${id} and ${seenBy(viewer)} group by a.status order by 2 desc, 1`);
  return rows;
}

async function summarize(
  db: Db,
  viewer: Viewer,
  bulk: { id: string; to: ApplicationStatus; items: number; forecast: string | null },
  now: Date,
): Promise<NonNullable<BulkPage['summary']>> {
  const [chances, forecast, spentMicros, others] = await Promise.all([
    countChances(db, viewer, bulk),
    readForecast(db, viewer, bulk, now),
    sumSpend(db, 'all', now),
    countOthers(db, now),
  ]);
  const budget = shareBudget(BigInt(env().smsDailyBudgetMicros)).ofManyMicros;
  const left = budget - spentMicros;
  return {
    ...{ chances, forecast, others, pace: env().smsMessagesPerSecond },
    ...{ budgetLeftMicros: Number(left < 0n ? 0n : left), budgetMicros: Number(budget) },
  };
}

/** More texts that wait are not told apart: as many as ten bulk moves have. */
const mostWaiting = 100_000;

/** What shares the sender's pace with a draft that is started now: texts of all bulk moves, and what those that go on have not moved yet. */
async function countOthers(db: Db, now: Date): Promise<{ moves: number; left: number }> {
  const { rows } = await db.execute<{ moves: number; left: number }>(sql`
    with going as materialized (select id from bulk_moves where state = 'running')
    select (select count(*)::int from going) as moves, ${countWaitingOfMany(mostWaiting, timestamp(now))} + (
      select count(*)::int from going join bulk_items i on i.bulk_id = going.id and i.outcome is null) as left`);
  return rows[0]!;
}

/** What would become of an application `a`, null where it is gone, of an item `i`. */
function chanceOf(to: ApplicationStatus, viewer: Viewer): SQL {
  const from = `{${sourcesOf(to, viewer).join(',')}}`;
  return sql`case when a.id is null then 'gone' when a.version <> i.version then 'changed'
      when a.status = any(${from}::text[]) then 'allowed' else 'notAllowed' end`;
}

async function nameItems(
  db: Db,
  viewer: Viewer,
  { id, to }: { id: string; to: ApplicationStatus | null },
): Promise<BulkPage['named']> {
  const chance = to === null ? sql`null::text` : chanceOf(to, viewer);
  const { rows } = await db.execute<BulkItem & { is_first: boolean }>(sql`
    with first as materialized (
      select nth, application_id from bulk_items where bulk_id = ${id} order by nth limit ${mostNamed}
    ), judged as materialized (
      select i.nth, i.application_id, ${chance} as chance
      from bulk_items i left join applications a on a.id = i.application_id and ${seenBy(viewer)}
      where i.bulk_id = ${id} ${to === null ? sql`and i.nth <= (select max(nth) from first)` : sql``}
    ), staying as materialized (
      select nth from judged where chance <> 'allowed' order by nth limit ${mostNamed}
    )
    select j.application_id as id, a.title, coalesce(u.name, a.applicant_name) as applicant, j.chance,
      exists (select from first where first.nth = j.nth) as is_first
    from judged j left join applications a on a.id = j.application_id and ${seenBy(viewer)}
    left join users u on u.id = a.applicant_id
    where j.nth in (select nth from first union select nth from staying) order by j.nth`);
  const items = rows.map(({ is_first: isFirst, ...item }) => ({ isFirst, item }));
  const staying = items.filter(({ item }) => item.chance !== null && item.chance !== 'allowed');
  return {
    first: items.filter(({ isFirst }) => isFirst).map(({ item }) => item),
    staying: staying.slice(0, mostNamed).map(({ item }) => item),
  };
}

async function countChances(
  db: Db,
  viewer: Viewer,
  { id, to }: { id: string; to: ApplicationStatus },
): Promise<BulkChances> {
  const { rows } = await db.execute<{ chance: keyof BulkChances; count: number }>(sql`
    select ${chanceOf(to, viewer)} as chance, count(*)::int as count
    from bulk_items i left join applications a on a.id = i.application_id and ${seenBy(viewer)}
    where i.bulk_id = ${id} group by 1`);
  const chances: BulkChances = { allowed: 0, changed: 0, notAllowed: 0, gone: 0 };
  for (const { chance, count } of rows) chances[chance] = count;
  return chances;
}

/** A bulk move in the list of the last ones. */
export type ListedBulkMove = Pick<BulkPage, 'id' | 'state' | 'to' | 'createdBy' | 'createdAt'> & {
  items: number;
};

const mostListed = 20;

/** The last bulk moves, the newest first; drafts are for those who made them. */
export async function listBulkMoves(db: Db, viewer: Viewer): Promise<ListedBulkMove[]> {
  requireMover(viewer);
  const { rows } = await db.execute<{
    id: string;
    state: BulkState;
    to_status: ApplicationStatus | null;
    name: string | null;
    created_at: string;
    items: number;
  }>(sql`
    with last as materialized (
      select id, state, to_status, created_by, created_at from bulk_moves
      where state <> 'draft' or created_by = ${viewer.userId} order by created_at desc limit ${mostListed}
    )
    select last.id, last.state, last.to_status, u.name, last.created_at,
      coalesce((select max(nth) from bulk_items i where i.bulk_id = last.id), 0) as items
    from last left join users u on u.id = last.created_by order by last.created_at desc, last.id`);
  return rows.map((row) => ({
    ...{ id: row.id, state: row.state, to: row.to_status, createdBy: row.name, items: row.items },
    createdAt: new Date(row.created_at),
  }));
}
