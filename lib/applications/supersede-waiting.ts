import { sql } from 'drizzle-orm';
import type { NoticeKind } from '@/db/schema/applications';
import type { MessageStatus } from '@/db/schema/sms';
import type { Tx } from '@/db/client';
import { withdrawMails } from '@/lib/mail/outbox';
import { cancelTexts, endRetries } from '@/lib/sms/outbox/text-outbox';

// As in decide-notices.ts, a statement finds the notices of an application first, and asks what became of them afterwards.

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
export async function findTexts(
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
