import { and, inArray, sql } from 'drizzle-orm';
import { smsMessages } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { isUniqueViolation } from '@/db/unique-violation';
import { held, type Claimed, type Work } from './claim';
import { settleText } from './delivery';
import { backoffMs, giveUpAfterMs } from './errors';
import { bodyMatcher } from './gates';
import { recordAccepted, recordEnd, released } from './outcome';
import type { Message } from './outbox';
import type { ProviderText } from './provider';

/** Look-ups of one unknown outcome before an operator is told, and before it is given up. */
const lookUpsBeforeGivingUp = 40;

/**
 * Finds out what became of a call whose outcome is unknown. Ours is the earliest text at the provider with the same number
 * and body, made after our first claim, whose SID stands on no other row; if there is none, it is sent again, once the
 * gates are asked anew. A text that is worth nothing any more is then ended instead, by those gates.
 */
export async function lookUp(work: Work, claimed: Claimed): Promise<void> {
  const { db, provider, log } = work;
  const { message, lease } = claimed;
  const now = new Date();
  const renderedAt = message.unknownSince ?? now;
  // The provider keeps whole seconds, by a clock of its own.
  const since = new Date((message.firstClaimedAt ?? message.createdAt).getTime() - 5_000);
  const asked = await provider.findTexts({ to: message.phone, since });
  if (!asked.ok) {
    await putOffLookUp(work, claimed, asked.fault);
    return;
  }
  const matches = await bodyMatcher(db, message, { renderedAt, now });
  const found = await findOwn(
    db,
    message,
    asked.texts.filter((text) => matches(text.body)),
  );
  if (found !== null) {
    log.info('sms_found_at_provider', { message: message.id, sid: found.sid });
    try {
      await recordAccepted(work, message, { sid: found.sid, status: null, segments: found.segments }, now);
    } catch (error) {
      // Another row took this SID at the same moment, so this text is still unknown.
      if (!isUniqueViolation(error)) throw error;
      await putOffLookUp(work, claimed, 'sid_taken');
      return;
    }
    await settleText(db, message.id, found, { now, log });
    return;
  }
  log.warn('sms_not_at_provider', { message: message.id, attempts: message.attempts });
  const isCode = message.purpose === 'verification';
  const pauseMs =
    message.attempts <= 1 ? 0 : backoffMs({ attempt: message.attempts - 1, isCode, random: Math.random() });
  const tooOld = now.getTime() - message.createdAt.getTime() > giveUpAfterMs;
  if (tooOld) {
    await recordEnd(work, claimed, { status: 'failed', reason: 'provider_fault' });
    return;
  }
  await db
    .update(smsMessages)
    .set({
      status: 'queued',
      sendAfter: new Date(now.getTime() + pauseMs),
      leaseUntil: null,
      unknownSince: null,
      lookUps: 0,
      ...released,
    })
    .where(held(message, lease));
}

async function findOwn(
  db: Db,
  message: Message,
  texts: readonly ProviderText[],
): Promise<ProviderText | null> {
  if (texts.length === 0) return null;
  const taken = await db
    .select({ sid: smsMessages.providerSid })
    .from(smsMessages)
    .where(
      and(
        inArray(
          smsMessages.providerSid,
          texts.map((text) => text.sid),
        ),
        sql`${smsMessages.id} <> ${message.id}`,
      ),
    );
  const takenSids = new Set(taken.map((row) => row.sid));
  return texts.find((text) => !takenSids.has(text.sid)) ?? null;
}

/** The provider does not answer: asked again later. After a day it is given up; the reservation then stands as spent. */
async function putOffLookUp({ db, log }: Work, { message, lease }: Claimed, fault: string): Promise<void> {
  const now = new Date();
  const givenUp = message.lookUps >= lookUpsBeforeGivingUp;
  const fields = { message: message.id, fault, lookUps: message.lookUps };
  if (givenUp) log.error('sms_alert', { alert: 'outcome_never_known', ...fields });
  else log.warn('sms_look_up_unanswered', fields);
  const pauseMs = backoffMs({ attempt: message.lookUps, isCode: message.lookUps < 8, random: Math.random() });
  await db
    .update(smsMessages)
    .set(
      givenUp
        ? { status: 'failed', reason: 'provider_fault', failedAt: now, leaseUntil: null }
        : {
            leaseUntil: null,
            faultedAt: now,
            attemptedAt: now,
            sendAfter: new Date(now.getTime() + pauseMs),
          },
    )
    .where(held(message, lease));
}
