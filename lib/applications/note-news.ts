import { sql } from 'drizzle-orm';
import type { NewsState, NoticeKind } from '@/db/schema/applications';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { User } from '@/lib/accounts/users';
import { enqueueNewsMail } from '@/lib/mail/outbox';
import { newsMailOf } from './news-mail';
import type { ApplicationTemplate } from './reach';

/** What became of the last news; while newer news waits, that is what counts. A reminder is no news. */
export async function noteNews(
  tx: Tx | Db,
  { application_id: applicationId, kind }: { application_id: string; kind: NoticeKind },
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

/** The text of each kind of notice. */
export const templateOf: Record<NoticeKind, ApplicationTemplate> = {
  news: 'applicationStatus',
  documents: 'documentsNeeded',
  reminder: 'documentsReminder',
};

/** How long after it was written a text or a mail is first looked at. */
export const firstCheckMs = 60_000;

/** Mails the news to an address that is proven; `bulkId`: the bulk move that made it due, null: none. */
export async function mailNews(
  tx: Tx,
  { id, kind, bulkId, user }: { id: string; kind: NoticeKind; bulkId: string | null; user: User },
  now: Date,
): Promise<'mailed'> {
  const mailId = await enqueueNewsMail(tx, {
    ...newsMailOf(kind),
    userId: user.id,
    email: user.email,
    source: bulkId,
    now,
  });
  await tx.execute(sql`
    update application_notices set mail_id = ${mailId}, check_at = ${timestamp(new Date(now.getTime() + firstCheckMs))}
    where id = ${id}`);
  return 'mailed';
}
