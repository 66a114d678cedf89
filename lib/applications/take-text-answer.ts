import { sql } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { TakeAnswer } from '@/lib/sms/inbound/receive-text';
import { addAnswer } from './add-to-timeline';

/** So many texts a day join the timeline of one application; the record of texts has all of them. */
const mostADay = 30;

/**
 * Adds what an applicant texted to the timeline of their one open application, as an answer. False: they have none, or several, so
 * that nobody can tell which is meant; or it has had `mostADay`. In the transaction that keeps the text, under its number's lock.
 */
export const takeTextAnswer: TakeAnswer = async (tx: Tx, { userId, messageId, body, now }) => {
  await tx.execute(sql`select from users where id = ${userId} for key share`);
  const { rows } = await tx.execute<{ id: string; texts: number }>(sql`
    select id, (select count(*)::int from application_events e
      where e.application_id = a.id and e.message_id is not null and e.at > ${timestamp(now)} - interval '1 day') as texts
    from applications a
    where applicant_id = ${userId} and status in ('submitted', 'in_review', 'documents_needed') limit 2
    for no key update`);
  const [only, second] = rows;
  if (!only || second || only.texts >= mostADay) return false;
  await addAnswer(tx, { applicationId: only.id, actorId: userId, note: body, messageId, now });
  return true;
};
