import { sql } from 'drizzle-orm';
import { isUniqueViolation } from '@/db/unique-violation';
import type { fewAtOnce } from '@/lib/few-at-once';
import { gather } from '@/lib/gather';
import { measureSend } from '@/lib/sms/delivery/measure-texts';
import type { HeldText, Work } from './claim';
import { isFailure } from '@/lib/sms/delivery/status-report';

/** What the provider answered when it took a text. */
export type AcceptedAnswer = { sid: string | null; status: string | null; segments: number | null };

/** Runs what may wait for a lock that someone else holds, a few at a time. */
export type Aside = ReturnType<typeof fewAtOnce>;

/** Records that the provider has a text. False: another text has this SID, and nothing was recorded. */
export type RecordAccepted = (text: HeldText, answer: AcceptedAnswer) => Promise<boolean>;

/**
 * Records answers that come at the same moment in one statement. Whichever of them cannot be recorded with the others, be it
 * that someone else holds its row just now, is recorded by itself, so that none keeps another waiting.
 */
export function recordAcceptedTogether(work: Work, aside: Aside): RecordAccepted {
  const record = gather(async (items: readonly AcceptedText[]) => {
    const recorded = await markSent(work, items, { waits: false }).catch((error: unknown) => {
      work.log.warn('sms_recorded_one_by_one', { error });
      return new Set<string>();
    });
    return items.map(({ message }) => recorded.has(message.id));
  });
  return async (text, answer) =>
    (await record({ ...text, answer })) || (await aside(() => recordAccepted(work, text, answer)));
}

/**
 * The provider has it. Recorded even when the lease is lost: it is a fact, and keeps others from sending it again. A text
 * that it took and refused in the same answer is asked about at once, for the error that the answer lacks. False: another
 * text has this SID, and nothing was recorded.
 */
export async function recordAccepted(work: Work, text: HeldText, answer: AcceptedAnswer): Promise<boolean> {
  const { db, log } = work;
  const accepted = { ...text, answer };
  const { id } = text.message;
  try {
    if ((await markSent(work, [accepted], { waits: true })).has(id)) return true;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return false;
  }
  // A status report was faster and has settled it, or it was already sent under another SID.
  const { sid } = answer;
  const { rows: known } = await db.execute(sql`
    update sms_messages
    set check_at = coalesce(check_at, case when price_settled_at is null and status <> 'failed'
          then ${checkAt(work, accepted)}::timestamptz end)
    where id = ${id} and provider_sid = ${sid} returning 1`);
  if (known.length === 0) log.error('sms_sent_twice', { message: id, sid });
  return true;
}

type AcceptedText = HeldText & { answer: AcceptedAnswer };

/** Out: the ids of those that were neither settled nor sent before. */
async function markSent(
  work: Work,
  texts: readonly AcceptedText[],
  { waits }: { waits: boolean },
): Promise<Set<string>> {
  const wanted = texts.map((text) => ({
    id: text.message.id,
    sid: text.answer.sid,
    word: text.answer.status !== null && isFailure(text.answer.status) ? null : text.answer.status,
    segments: text.answer.segments,
    at: text.held.clock().toISOString(),
    check_at: checkAt(work, text),
  }));
  const { rows } = await work.db.execute<{ id: string }>(sql`
    with wanted as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(wanted)}::jsonb)
        as w (id uuid, sid text, word text, segments int, at timestamptz, check_at timestamptz)
    ), unsent as materialized (
      select m.id from sms_messages m join wanted on wanted.id = m.id
      where m.provider_status is null and m.sent_at is null
        and (m.provider_sid is null or m.provider_sid = wanted.sid)
      order by m.id for update of m ${waits ? sql`` : sql`skip locked`}
    )
    update sms_messages m
    set status = 'sent', provider_sid = coalesce(m.provider_sid, wanted.sid),
        provider_status = coalesce(m.provider_status, wanted.word), sent_at = coalesce(m.sent_at, wanted.at),
        segments = coalesce(wanted.segments, m.segments), check_at = wanted.check_at,
        lease_until = null, unknown_since = null, faulted_at = null, reason = null, details = null, error_code = null
    from wanted where m.id = wanted.id and m.id in (select id from unsent)
    returning m.id`);
  const marked = new Set(rows.map(({ id }) => id));
  for (const { message, held, answer } of texts) {
    if (!marked.has(message.id)) continue;
    const { id, purpose, requestId } = message;
    work.log.info('sms_sent', { message: id, purpose, sid: answer.sid, askedBy: requestId ?? undefined });
    measureSend(message, message.heldAt === null ? 'sent' : 'sent_after_hold', held.clock());
  }
  return marked;
}

function checkAt({ provider }: Work, { held, answer }: AcceptedText): string | null {
  if (provider.firstCheckAfterMs === null) return null;
  const failed = answer.status !== null && isFailure(answer.status);
  return new Date(held.clock().getTime() + (failed ? 0 : provider.firstCheckAfterMs)).toISOString();
}
