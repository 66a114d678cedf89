import { sql } from 'drizzle-orm';
import type { NewsState, NoticeKind } from '@/db/schema/applications';
import type { MessageStatus } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { isDatabaseFault, isLockTimeout } from '@/db/database-fault';
import { oneMore } from '@/db/one-more';
import { timestamp } from '@/db/timestamp';
import { findUser, type User } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import { fewAtOnce } from '@/lib/few-at-once';
import { enqueueNewsMail, withdrawMails } from '@/lib/mail/outbox';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { cancelTexts, endRetries, enqueueText } from '@/lib/sms/outbox/text-outbox';
import { newsMailOf } from './news-mail';
import { readReach, type ApplicationTemplate } from './reach';

// The planner learns late how long a queue is. While it believes that nothing waits, it takes the index of what waits for every
// statement that asks for that, and reads the whole of it for one row. So a statement here that is about one notice or one
// application finds its rows by these first, and asks whether they wait afterwards.

/** How long after it was written a text or a mail is first looked at. */
const firstCheckMs = 60_000;

const templateOf: Record<NoticeKind, ApplicationTemplate> = {
  news: 'applicationStatus',
  documents: 'documentsNeeded',
  reminder: 'documentsReminder',
};

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
  const few = fewAtOnce(atOnce);
  let handled = 0;
  let held = 0;
  let isOver = false;
  const decideThese = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      if (isOver) return;
      try {
        if ((await decideOne(db, id, { now, onFault })) === 'held') held += 1;
        handled += 1;
      } catch (error) {
        onFault(id, error);
        // Without a database none of the others can be decided now.
        isOver ||= isDatabaseFault(error);
      }
    }
  };
  await Promise.all(groupByApplication(rows).map((ids) => few(() => decideThese(ids))));
  if (held > 0) onHeld(held);
  return handled;
}

type OnFault = (noticeId: string, error: unknown) => void;

/** The ids of notices, those of one application together. */
function groupByApplication(rows: readonly { id: string; application_id: string }[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const { id, application_id: applicationId } of rows)
    groups.set(applicationId, [...(groups.get(applicationId) ?? []), id]);
  return [...groups.values()];
}

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
    await (isDatabaseFault(error) ? postpone(db, id, now) : putOff(db, id, now));
    return isHeld ? 'held' : 'failed';
  }
}

/** Of the connections of a process, so many at most are taken for notices. */
const atOnce = 4;

/** A row that someone holds is waited for no longer: what is held by people who work is free sooner. */
const lockWaitMs = 100;

/** What waits for a row, or the database, comes again after this. */
const postponedMs = 10_000;

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

async function putOff(db: Db, id: string, now: Date): Promise<void> {
  const { rows } = await db.execute<Pick<Notice, 'application_id' | 'kind'> & { state: NewsState }>(sql`
    with found as materialized (
      select id, decided_at, greatest(faults, 0) as faults from application_notices where id = ${id} for no key update
    )
    update application_notices n set faults = ${oneMore(sql`found.faults`)},
      due_at = ${timestamp(now)} + interval '30 seconds' * power(4, least(found.faults, 10)),
      state = case when found.faults >= ${mostFaults - 1} then 'unreached' else state end,
      decided_at = case when found.faults >= ${mostFaults - 1} then ${timestamp(now)} end
    from found where n.id = found.id and found.decided_at is null returning n.application_id, n.kind, n.state`);
  const ended = rows[0];
  if (ended?.state === 'unreached') await noteNews(db, ended, ended.state);
}

type Notice = {
  id: string;
  application_id: string;
  kind: NoticeKind;
  applicant_id: string | null;
  is_overtaken: boolean;
  /** Until when the move that came after it may still be taken back; null: there is none, or it stands. */
  open_until: string | null;
  is_answered: boolean;
  /** What a reminder is about is not decided yet. */
  is_untold: boolean;
  is_decided: boolean;
};

/**
 * Locks the application that a notice is about, its applicant before it, as by who deletes an account. No lock is waited for
 * longer than `lockWaitMs` in this transaction from now on. False: there is none, or another process has it in hand, which is
 * not waited for.
 */
async function lockApplicationOf(tx: Tx, id: string): Promise<boolean> {
  const { rows: found } = await tx.execute<{
    applicant_id: string | null;
    application_id: string;
    is_free: boolean;
  }>(sql`
    select a.applicant_id, n.application_id, set_config('lock_timeout', ${`${lockWaitMs}ms`}, true),
      pg_try_advisory_xact_lock(hashtextextended('notices:' || a.id::text, 0)) as is_free
    from application_notices n join applications a on a.id = n.application_id
    where n.id = ${id}`);
  const about = found[0];
  if (!about?.is_free) return false;
  if (about.applicant_id !== null) {
    await tx.execute(sql`select from users where id = ${about.applicant_id} for key share`);
  }
  await tx.execute(sql`select from applications where id = ${about.application_id} for no key update`);
  return true;
}

/** Locks a notice with its application; null: it was decided. */
async function lockNotice(tx: Tx, id: string, now: Date): Promise<(Notice & { user: User | null }) | null> {
  if (!(await lockApplicationOf(tx, id))) return null;
  const { rows } = await tx.execute<Notice>(sql`
    select n.id, n.application_id, n.kind, a.applicant_id,
      n.decided_at is not null as is_decided,
      exists (
        select from application_events later
        where later.application_id = n.application_id and later.id > n.event_id and later.kind = 'moved'
          and later.undone_at is null) as is_overtaken,
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
  const isOver = notice.is_overtaken || (notice.kind === 'reminder' && (await isNeedless(tx, notice)));
  const state = isOver ? 'superseded' : await reachOut(tx, notice, now);
  await tx.execute(sql`
    update application_notices set state = ${state}, decided_at = ${timestamp(now)} where id = ${id}`);
  await noteNews(tx, notice, state);
}

/** A reminder is not needed after an answer, nor while the text that asks still waits: the two would arrive together. */
async function isNeedless(tx: Tx, notice: Notice): Promise<boolean> {
  if (notice.is_answered) return true;
  const asking = { applicationId: notice.application_id, kind: 'documents' } as const;
  return (await findTexts(tx, asking, ['queued'])).length > 0;
}

/** What became of the last news; while newer news waits, that is what counts. A reminder is no news. */
async function noteNews(
  tx: Tx | Db,
  { application_id: applicationId, kind }: Pick<Notice, 'application_id' | 'kind'>,
  state: NewsState,
): Promise<void> {
  if (kind === 'reminder') return;
  await tx.execute(sql`
    with told as materialized (
      select kind, decided_at from application_notices where application_id = ${applicationId}
    )
    update applications set news = ${state}
    where id = ${applicationId} and not exists (select from told where kind <> 'reminder' and decided_at is null)`);
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
  if (way === 'mail') return mail(tx, { id, kind, user }, now);
  const text = await enqueueText(tx, {
    userId: user.id,
    phone: user.phone!,
    purpose: 'update',
    template: templateOf[kind],
    params: { url: new URL('/applications', env().appUrl).href },
    dedupeKey: `application:${id}`,
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

/**
 * Withdraws texts about this application that have not gone out, such as in quiet hours, repetitions of earlier ones that wait
 * for the carrier, and mails that wait for the mail server: newer news takes their place, or the applicant has done what makes them moot. What went out already is not
 * repeated, should the carrier fail. `kind`: only those of notices of this kind. The caller has locked the application. Out: the
 * kinds of those that were withdrawn.
 */
export async function supersedeWaiting(
  tx: Tx,
  { applicationId, kind = null }: { applicationId: string; kind?: NoticeKind | null },
  now: Date,
): Promise<NoticeKind[]> {
  const about = { applicationId, kind };
  const underWay = await findTexts(tx, about, ['sending', 'sent']);
  if (underWay.length > 0) {
    await endRetries(
      tx,
      underWay.map(({ message_id: id }) => id),
      now,
    );
  }
  const mailed = await supersedeMails(tx, about, now);
  const rows = await findTexts(tx, about, ['queued']);
  if (rows.length === 0) return mailed;
  await cancelTexts(tx, { ids: rows.map(({ message_id }) => message_id) }, 'superseded', now);
  // A dispatcher may have claimed one of them meanwhile. The same notice may have two that wait.
  const given = JSON.stringify(rows);
  const { rows: superseded } = await tx.execute<{ kind: NoticeKind }>(sql`
    with withdrawn as materialized (
      select distinct given.notice_id
      from jsonb_to_recordset(${given}::jsonb) as given (notice_id uuid, message_id uuid)
      join sms_messages m on m.id = given.message_id
      where m.status = 'canceled' and m.reason = 'superseded'
    )
    update application_notices n set state = 'superseded', check_at = null
    from withdrawn where n.id = withdrawn.notice_id
    returning n.kind`);
  return [...mailed, ...superseded.map(({ kind: each }) => each)];
}

async function supersedeMails(
  tx: Tx,
  { applicationId, kind }: { applicationId: string; kind: NoticeKind | null },
  now: Date,
): Promise<NoticeKind[]> {
  // Those that are followed no more are over.
  const { rows } = await tx.execute<{ mail_id: string }>(sql`
    with told as materialized (
      select mail_id, kind, state, check_at from application_notices where application_id = ${applicationId}
    )
    select mail_id from told
    where state = 'mailed' and check_at is not null and mail_id is not null and kind = coalesce(${kind}, kind)`);
  const withdrawn = await withdrawMails(
    tx,
    rows.map(({ mail_id: id }) => id),
    now,
  );
  if (withdrawn.length === 0) return [];
  const { rows: superseded } = await tx.execute<{ kind: NoticeKind }>(sql`
    with told as materialized (
      select id, mail_id from application_notices where application_id = ${applicationId}
    )
    update application_notices n set state = 'superseded', check_at = null
    from told where n.id = told.id and told.mail_id = any(${sql.param(withdrawn)}::uuid[])
    returning n.kind`);
  return superseded.map(({ kind: each }) => each);
}

/** The texts about this application, or of its notices of one kind, that are in one of these states, repetitions too. */
async function findTexts(
  tx: Tx,
  { applicationId, kind }: { applicationId: string; kind: NoticeKind | null },
  statuses: readonly MessageStatus[],
): Promise<{ notice_id: string; message_id: string }[]> {
  const { rows } = await tx.execute<{ notice_id: string; message_id: string }>(sql`
    with recursive tries as (
      select n.id as notice_id, m.id, m.status from application_notices n join sms_messages m on m.id = n.message_id
      where n.application_id = ${applicationId} and n.state = 'texted' and n.kind = coalesce(${kind}, n.kind)
      union all
      select t.notice_id, m.id, m.status from tries t
      join sms_messages m on m.retry_of = t.id and m.dedupe_key = 'retry:' || t.id::text
    )
    select notice_id, id as message_id from tries where status = any(${`{${statuses.join(',')}}`}::text[])`);
  return rows;
}

/** Mails the news to an address that is proven. */
async function mail(
  tx: Tx,
  { id, kind, user }: { id: string; kind: NoticeKind; user: User },
  now: Date,
): Promise<'mailed'> {
  const mailId = await enqueueNewsMail(tx, {
    ...newsMailOf(kind),
    userId: user.id,
    email: user.email,
    now,
  });
  await tx.execute(sql`
    update application_notices set mail_id = ${mailId}, check_at = ${timestamp(new Date(now.getTime() + firstCheckMs))}
    where id = ${id}`);
  return 'mailed';
}

/** Without a receipt for so long a text counts as not delivered (as with GOV.UK Notify). */
const receiptWithinMs = 3 * 24 * 3600 * 1000;

/** The longest between two looks at a text or a mail that is still on its way. */
const mostBetweenChecksMs = 3_600_000;

/**
 * Looks at texts of notices: one that ended without arriving, or of which nothing was heard for three days, is followed by a mail
 * where the address is proven. So are mails: one that ended without being sent reached nobody. Out: how many were looked at.
 */
export async function followTexts(
  db: Db,
  now: Date,
  { limit = 100, onFault }: { limit?: number; onFault: OnFault },
): Promise<number> {
  const { rows } = await db.execute<{ id: string; application_id: string }>(sql`
    update application_notices n
    set check_at = ${timestamp(now)} + least(${mostBetweenChecksMs}::float8 * interval '1 millisecond',
      greatest(interval '1 minute', ${timestamp(now)} - n.decided_at))
    where n.id = any(array(
      select id from application_notices where check_at <= ${timestamp(now)}
      order by check_at limit ${limit} for update skip locked))
    returning n.id, n.application_id`);
  const few = fewAtOnce(atOnce);
  const followThese = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) {
      try {
        if (!(await db.transaction((tx) => follow(tx, id, now)))) await lookAgainSoon(db, id, now);
      } catch (error) {
        if (isLockTimeout(error)) await lookAgainSoon(db, id, now);
        else onFault(id, error);
      }
    }
  };
  await Promise.all(groupByApplication(rows).map((ids) => few(() => followThese(ids))));
  return rows.length;
}

/** What someone holds is soon free; the next look may be an hour away otherwise. */
async function lookAgainSoon(db: Db, id: string, now: Date): Promise<void> {
  await db.execute(sql`
    update application_notices set check_at = ${timestamp(new Date(now.getTime() + postponedMs))}
    where id = any(array(
      select id from application_notices where id = ${id} and check_at is not null for no key update skip locked))`);
}

type Followed = {
  application_id: string;
  applicant_id: string | null;
  kind: NoticeKind;
  state: NewsState;
  status: string;
  silent_ms: number | null;
  is_mail_unsent: boolean;
  /** It is neither sent nor ended, and still worth sending; null: there is none, or none any more. */
  is_mail_waiting: boolean | null;
  is_overtaken: boolean;
  is_answered: boolean;
  is_followed: boolean;
};

/** Looks at one of them. False: another process has its application in hand. */
async function follow(tx: Tx, id: string, now: Date): Promise<boolean> {
  if (!(await lockApplicationOf(tx, id))) return false;
  // Of a text that was repeated, the last repetition says what became of it.
  const { rows } = await tx.execute<Followed>(sql`
    with recursive tries as (
      select m.id, m.status, m.sent_at, m.created_at from application_notices n
      join sms_messages m on m.id = n.message_id where n.id = ${id}
      union all
      select m.id, m.status, m.sent_at, m.created_at from tries t
      join sms_messages m on m.retry_of = t.id and m.dedupe_key = 'retry:' || t.id::text
    )
    select n.application_id, a.applicant_id, n.kind, n.state, last.status, n.check_at is not null as is_followed,
      mail.id is not null and mail.sent_at is null as is_mail_unsent,
      mail.sent_at is null and mail.ended_at is null and mail.expires_at > ${timestamp(now)} as is_mail_waiting,
      extract(epoch from ${timestamp(now)} - last.sent_at)::float8 * 1000 as silent_ms,
      exists (
        select from application_events later
        where later.application_id = n.application_id and later.id > n.event_id and later.kind = 'moved'
          and later.undone_at is null and later.shows_at <= ${timestamp(now)}) as is_overtaken,
      coalesce(a.answered_at >= e.at, false) as is_answered
    from application_notices n join applications a on a.id = n.application_id
    join application_events e on e.id = n.event_id
    left join lateral (select status, sent_at from tries order by created_at desc limit 1) last on true
    left join mails mail on mail.id = n.mail_id
    where n.id = ${id}`);
  const followed = rows[0];
  if (followed?.is_followed) await followUp(tx, id, followed, now);
  return true;
}

async function followUp(tx: Tx, id: string, followed: Followed, now: Date): Promise<void> {
  if (followed.state === 'mailed') return followMail(tx, id, followed);
  if (followed.state !== 'texted') return settle(tx, id);
  const { status, silent_ms: silentMs } = followed;
  if (status === 'delivered') return settle(tx, id);
  const isLost =
    status === null ||
    status === 'failed' ||
    status === 'canceled' ||
    (status === 'sent' && silentMs !== null && silentMs >= receiptWithinMs);
  if (!isLost) return;
  await settle(tx, id);
  // Newer news has its own way, and who answered what was asked knows of it.
  if (followed.is_overtaken || (followed.kind !== 'news' && followed.is_answered)) return;
  const user = followed.applicant_id === null ? null : await findUser(tx, followed.applicant_id);
  const state =
    user !== null && (await isToBeMailed(tx, user, followed.kind, now))
      ? await mail(tx, { id, kind: followed.kind, user }, now)
      : 'unreached';
  await tx.execute(sql`update application_notices set state = ${state} where id = ${id}`);
  await noteNews(tx, followed, state);
}

/** Whether a mail takes the place of a text that did not arrive. */
async function isToBeMailed(tx: Tx, user: User, kind: NoticeKind, now: Date): Promise<boolean> {
  if (user.deactivatedAt !== null || !isReachedByMail(user)) return false;
  return kind !== 'reminder' || (await readReach(tx, user, templateOf[kind], now)).noText !== 'turned_off';
}

async function followMail(tx: Tx, id: string, followed: Followed): Promise<void> {
  if (followed.is_mail_waiting === true) return;
  await settle(tx, id);
  if (!followed.is_mail_unsent) return;
  await tx.execute(sql`update application_notices set state = 'unreached' where id = ${id}`);
  // Newer news has its own way.
  if (!followed.is_overtaken) await noteNews(tx, followed, 'unreached');
}

async function settle(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`update application_notices set check_at = null where id = ${id}`);
}
