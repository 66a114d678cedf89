import { sql } from 'drizzle-orm';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { TakeAnswer } from '@/lib/sms/inbound/receive-text';
import { addAnswer } from './add-to-timeline';
import { shownMove } from './shown-move';

/** So many texts a day join the timeline of one application; the record of texts has all of them. */
const mostADay = 30;

/**
 * Adds what an applicant texted to the timeline of their one open application. Which are open, and whether something is asked for
 * that it can answer, goes by what the applicant could see when they sent it: else the reply would tell of a move that is not
 * shown yet. `unclear`: they have several, so that nobody can tell which is meant. `none`: they have none, or it has had `mostADay`. In
 * the transaction that keeps the text, under its number's lock.
 */
export const takeTextAnswer: TakeAnswer = async (tx: Tx, { userId, messageId, body, sentAt }) => {
  await tx.execute(sql`select from users where id = ${userId} for key share`);
  const { rows } = await tx.execute<{
    id: string;
    seen: ApplicationStatus;
    texts: number;
    is_asked: boolean;
  }>(sql`
    select a.id, seen.to_status as seen, seen.to_status = 'documents_needed' as is_asked,
      (select count(*)::int from application_events e
        where e.application_id = a.id and e.message_id is not null and e.at > ${timestamp(sentAt)} - interval '1 day') as texts
    from applications a
    join lateral (${shownMove(sentAt)}) seen on seen.to_status in ('submitted', 'in_review', 'documents_needed')
    where a.applicant_id = ${userId} and a.status <> 'draft' limit 2`);
  const [only, second] = rows;
  if (second) return 'unclear';
  if (!only || only.texts >= mostADay) return 'none';
  await tx.execute(sql`select from applications where id = ${only.id} for no key update`);
  const answer = { applicationId: only.id, actorId: userId, note: body, messageId, now: sentAt };
  await addAnswer(tx, { ...answer, isAsked: only.is_asked });
  return 'taken';
};
