import { sql } from 'drizzle-orm';
import type { NewsState, NoticeKind } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { isLockTimeout } from '@/db/database-fault';
import { timestamp } from '@/db/timestamp';
import { findUser, type User } from '@/lib/accounts/users';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import type { OnFault } from './decide-notices';
import { eachApplication, lockApplicationOf, postponedMs } from './lock-application-of';
import { mailNews, noteNews, templateOf } from './note-news';
import { readReach } from './reach';

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
  await eachApplication(rows, async (id) => {
    try {
      if (!(await db.transaction((tx) => follow(tx, id, now)))) await lookAgainSoon(db, id, now);
    } catch (error) {
      if (isLockTimeout(error)) await lookAgainSoon(db, id, now);
      else onFault(id, error);
    }
  });
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
  bulk_id: string | null;
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
    select n.application_id, a.applicant_id, n.kind, n.bulk_id, n.state, last.status, n.check_at is not null as is_followed,
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
      ? await mailNews(tx, { id, kind: followed.kind, bulkId: followed.bulk_id, user }, now)
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
