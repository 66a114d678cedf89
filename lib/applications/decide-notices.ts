import { sql } from 'drizzle-orm';
import type { NewsState, NoticeKind } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { isDatabaseFault, isLockTimeout } from '@/db/database-fault';
import { oneMore } from '@/db/one-more';
import { timestamp } from '@/db/timestamp';
import { findUser, type User } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { eachApplication, lockApplicationOf, postponedMs } from './lock-application-of';
import { firstCheckMs, mailNews, noteNews, templateOf } from './note-news';
import { readReach } from './reach';
import { findTexts, supersedeWaiting } from './supersede-waiting';

// The planner learns late how long a queue is. While it believes that nothing waits, it takes the index of what waits for every
// statement that asks for that, and reads the whole of it for one row. So a statement here that is about one notice or one
// application finds its rows by these first, and asks whether they wait afterwards.

/**
 * Decides about notices that are due, `limit` at most, each in a transaction of its own: a text, else a mail where no text
 * reaches the person, else nothing. One whose move is not the last that stands is superseded: there is one message for each
 * change that stands. So is an earlier text that still waits for the morning, once it is known that this one goes. Any number of
 * processes may do so at the same time.
 *
 * A few are decided side by side, those of one application one after the other. Out: how many were handled or put off. One that
 * fails is put off, each time for longer, and given up after five, as `unreached`. What the database as a whole, or a row that
 * someone holds, is to blame for counts for none, and is put off for some seconds; so nothing keeps others from being decided.
 * `onHeld`: so many were put off since someone holds a row.
 */
export async function decideNotices(
  db: Db,
  now: Date,
  {
    limit = 100,
    onFault,
    onHeld = () => undefined,
  }: { limit?: number; onFault: OnFault; onHeld?: (count: number) => void },
): Promise<number> {
  // Notices that someone holds are left out, or the same ones would come first each time.
  const { rows } = await db.execute<{ id: string; application_id: string }>(sql`
    select id, application_id from application_notices where decided_at is null and due_at <= ${timestamp(now)}
    order by due_at limit ${limit} for no key update skip locked`);
  let handled = 0;
  let held = 0;
  let isOver = false;
  await eachApplication(rows, async (id) => {
    if (isOver) return;
    try {
      if ((await decideOne(db, id, { now, onFault })) === 'held') held += 1;
      handled += 1;
    } catch (error) {
      onFault(id, error);
      // Without a database none of the others can be decided now.
      isOver ||= isDatabaseFault(error);
    }
  });
  if (held > 0) onHeld(held);
  return handled;
}

export type OnFault = (noticeId: string, error: unknown) => void;

/** Decides about one notice, or else puts it off; throws when neither could be done. */
async function decideOne(
  db: Db,
  id: string,
  { now, onFault }: { now: Date; onFault: OnFault },
): Promise<'decided' | 'held' | 'failed'> {
  try {
    await db.transaction((tx) => decide(tx, id, now));
    return 'decided';
  } catch (error) {
    const isHeld = isLockTimeout(error);
    if (!isHeld) onFault(id, error);
    if (!isDatabaseFault(error)) return putOff(db, id, now);
    await postpone(db, id, now);
    return isHeld ? 'held' : 'failed';
  }
}

async function postpone(db: Db, id: string, now: Date): Promise<void> {
  await db.execute(sql`
    with found as materialized (
      select id, decided_at from application_notices where id = ${id} for no key update skip locked
    )
    update application_notices n set due_at = ${timestamp(new Date(now.getTime() + postponedMs))}
    from found where n.id = found.id and found.decided_at is null`);
}

/** A notice that failed so often is given up: what is wrong with it does not mend itself. */
const mostFaults = 5;

/** Counts a fault. Where someone holds a row that this takes, nothing is counted, and the notice comes again soon. */
async function putOff(db: Db, id: string, now: Date): Promise<'held' | 'failed'> {
  try {
    await db.transaction((tx) => countFault(tx, id, now));
    return 'failed';
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    await postpone(db, id, now);
    return 'held';
  }
}

async function countFault(tx: Tx, id: string, now: Date): Promise<void> {
  if (!(await lockApplicationOf(tx, id))) return;
  const { rows } = await tx.execute<Pick<Notice, 'application_id' | 'kind'> & { state: NewsState }>(sql`
    with found as materialized (
      select id, decided_at, greatest(faults, 0) as faults from application_notices where id = ${id} for no key update
    )
    update application_notices n set faults = ${oneMore(sql`found.faults`)},
      due_at = ${timestamp(now)} + interval '30 seconds' * power(4, least(found.faults, 10)),
      state = case when found.faults >= ${mostFaults - 1} then 'unreached' else state end,
      decided_at = case when found.faults >= ${mostFaults - 1} then ${timestamp(now)} end
    from found where n.id = found.id and found.decided_at is null returning n.application_id, n.kind, n.state`);
  const ended = rows[0];
  if (ended?.state === 'unreached') await noteNews(tx, ended, ended.state);
}

type Notice = {
  id: string;
  application_id: string;
  kind: NoticeKind;
  bulk_id: string | null;
  applicant_id: string | null;
  event_id: string;
  /** The last move after its own that stands and is seen; null: its own is the last. */
  overtaken_by: string | null;
  /** Until when a move that came after it may still be taken back; null: none may be. */
  open_until: string | null;
  is_answered: boolean;
  /** What a reminder is about is not decided yet. */
  is_untold: boolean;
  is_decided: boolean;
};

/** Locks a notice with its application; null: it was decided. */
async function lockNotice(tx: Tx, id: string, now: Date): Promise<(Notice & { user: User | null }) | null> {
  if (!(await lockApplicationOf(tx, id))) return null;
  const { rows } = await tx.execute<Notice>(sql`
    select n.id, n.application_id, n.kind, n.bulk_id, a.applicant_id, n.event_id::text as event_id,
      n.decided_at is not null as is_decided,
      (select max(later.id)::text from application_events later
        where later.application_id = n.application_id and later.id > n.event_id and later.kind = 'moved'
          and later.undone_at is null and later.shows_at <= ${timestamp(now)}) as overtaken_by,
      (select max(later.shows_at) from application_events later
        where later.application_id = n.application_id and later.id > n.event_id and later.kind = 'moved'
          and later.undone_at is null and later.shows_at > ${timestamp(now)}) as open_until,
      coalesce(a.answered_at >= e.at, false) as is_answered,
      coalesce((select bool_or(asked.decided_at is null) from application_notices asked
        where asked.event_id = n.event_id and asked.kind = 'documents'), false) as is_untold
    from application_notices n join applications a on a.id = n.application_id
    join application_events e on e.id = n.event_id
    where n.id = ${id}`);
  const notice = rows[0];
  if (!notice || notice.is_decided) return null;
  return { ...notice, user: notice.applicant_id === null ? null : await findUser(tx, notice.applicant_id) };
}

async function decide(tx: Tx, id: string, now: Date): Promise<void> {
  const notice = await lockNotice(tx, id, now);
  if (notice === null) return;
  if (notice.overtaken_by !== null) {
    await end(tx, notice, 'superseded', now);
    return;
  }
  if (notice.open_until !== null) {
    // If that move is taken back, this news stands after all.
    await tx.execute(sql`
      update application_notices set due_at = ${timestamp(new Date(notice.open_until))} where id = ${id}`);
    return;
  }
  if (notice.kind === 'reminder' && notice.is_untold) {
    await tx.execute(sql`
      update application_notices set due_at = ${timestamp(now)} + interval '1 minute' where id = ${id}`);
    return;
  }
  const isOver = notice.kind === 'reminder' && (await isNeedless(tx, notice));
  await end(tx, notice, isOver ? 'superseded' : await reachOut(tx, notice, now), now);
}

/**
 * Writes down what became of a notice. With it goes everything undecided that is about an earlier move than the last that is seen,
 * reminders of days to come as well: however often an application was moved, only what is about its last move comes due again.
 */
async function end(
  tx: Tx,
  { overtaken_by: overtakenBy, ...notice }: Notice,
  state: NewsState,
  now: Date,
): Promise<void> {
  await tx.execute(sql`
    with told as materialized (
      select id, event_id, decided_at from application_notices where application_id = ${notice.application_id}
    )
    update application_notices n set state = case when n.id = ${notice.id} then ${state} else 'superseded' end,
      decided_at = ${timestamp(now)}
    from told where n.id = told.id
      and (told.id = ${notice.id} or (told.decided_at is null and told.event_id < ${overtakenBy ?? notice.event_id}))`);
  await noteNews(tx, notice, state);
}

/** A reminder is not needed after an answer, nor while the text that asks still waits: the two would arrive together. */
async function isNeedless(tx: Tx, notice: Notice): Promise<boolean> {
  if (notice.is_answered) return true;
  const asking = { applicationId: notice.application_id, kind: 'documents' } as const;
  return (await findTexts(tx, asking, ['queued'])).length > 0;
}

async function reachOut(
  tx: Tx,
  notice: Notice & { user: User | null },
  now: Date,
): Promise<'texted' | 'mailed' | 'unreached'> {
  const { id, application_id: applicationId, kind, user } = notice;
  const way = user === null ? null : await chooseWay(tx, user, kind, now);
  if (user === null || way === null) {
    // What waits may still arrive, and says that there is news. What was asked for may not be needed any more.
    if (kind !== 'reminder') await supersedeWaiting(tx, { applicationId, kind: 'reminder' }, now);
    return 'unreached';
  }
  // A reminder takes the place of none but the reminder before it.
  await supersedeWaiting(tx, { applicationId, kind: kind === 'reminder' ? kind : null }, now);
  if (way === 'mail') return mailNews(tx, { id, kind, bulkId: notice.bulk_id, user }, now);
  const text = await enqueueText(tx, {
    userId: user.id,
    phone: user.phone!,
    purpose: 'update',
    template: templateOf[kind],
    params: { url: new URL('/applications', env().appUrl).href },
    dedupeKey: `application:${id}`,
    source: notice.bulk_id,
    sendAfter: now,
    now,
  });
  await tx.execute(sql`
    update application_notices set message_id = ${text?.id ?? null},
      check_at = ${timestamp(new Date(now.getTime() + firstCheckMs))}
    where id = ${id}`);
  return 'texted';
}

/** By which way someone hears of it; null: no way leads to them. */
async function chooseWay(tx: Tx, user: User, kind: NoticeKind, now: Date): Promise<'text' | 'mail' | null> {
  if (user.deactivatedAt !== null) return null;
  const { noText, byMail } = await readReach(tx, user, templateOf[kind], now);
  if (noText === null) return 'text';
  // Whoever turned reminders off gets none by mail either.
  if (kind === 'reminder' && noText === 'turned_off') return null;
  return byMail ? 'mail' : null;
}
