import { and, inArray, sql } from 'drizzle-orm';
import { smsMessages } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { recordAccepted } from './accepted';
import { isHeld, type Held, type HeldText, type Work } from './claim';
import { settleText } from '@/lib/sms/delivery/status-report';
import { backoffMs, giveUpAfterMs } from '@/lib/sms/delivery/retry-policy';
import type { PolicyFacts } from './send-policy-facts';
import { bodyMatcher } from './render-body';
import { endUnknown, putBack, recordEnd } from './outcome';
import type { Message } from '@/lib/sms/outbox/text-outbox';
import type { ProviderText } from '@/lib/sms/provider/provider';

/** Look-ups of one unknown outcome before an operator is told, and before it is given up. */
const lookUpsBeforeGivingUp = 40;

/** The provider keeps whole seconds, by a clock of its own; SIDs that other texts have are left out anyway. */
const clockSlackMs = 60_000;

/**
 * Finds out what became of a call whose outcome is unknown. Ours is the earliest text at the provider with the same number
 * and body, made after our first claim, whose SID is on no other row; if there is none, it is sent again, once the
 * send policy is asked again. A text that is worth nothing any more is then ended instead, by it.
 */
export async function lookUpOutcome(work: Work, held: Held, facts: PolicyFacts): Promise<void> {
  const { db, provider, log } = work;
  const { message } = facts;
  const now = held.clock();
  const matches = bodyMatcher(facts, { renderedAt: message.unknownSince ?? now, now });
  const since = new Date((message.firstClaimedAt ?? message.createdAt).getTime() - clockSlackMs);
  const asked = await provider.findTexts({ to: message.phone, since });
  if (!asked.ok) {
    await putOffLookUp(work, { held, message }, asked.fault);
    return;
  }
  const found = await findOwn(
    db,
    message,
    asked.texts.filter((text) => matches(text.body)),
  );
  if (found !== null) {
    log.info('sms_found_at_provider', { message: message.id, sid: found.sid });
    const answer = { sid: found.sid, status: null, segments: found.segments };
    if (!(await recordAccepted(work, { held, message }, answer))) {
      // Another row took this SID at the same moment, so this text is still unknown.
      await putOffLookUp(work, { held, message }, 'sid_taken');
      return;
    }
    await settleText(db, message.id, found, { now: held.clock(), log });
    return;
  }
  log.warn('sms_not_at_provider', { message: message.id, attempts: message.attempts });
  const isCode = message.purpose === 'verification';
  const pauseMs =
    message.attempts <= 1 ? 0 : backoffMs({ attempt: message.attempts - 1, isCode, random: Math.random() });
  const tooOld = now.getTime() - message.createdAt.getTime() > giveUpAfterMs;
  if (tooOld) {
    await recordEnd(work, { held, message }, { status: 'failed', reason: 'provider_fault' });
    return;
  }
  await putBack(db, held, { sendAfter: new Date(held.clock().getTime() + pauseMs) });
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

/** The provider does not answer: asked again later. After a day it is given up; the reservation then counts as spent. */
async function putOffLookUp({ db, log }: Work, { held, message }: HeldText, fault: string): Promise<void> {
  const now = held.clock();
  const fields = { message: message.id, fault, lookUps: message.lookUps };
  if (message.lookUps >= lookUpsBeforeGivingUp) {
    log.error('sms_alert', { alert: 'outcome_never_known', ...fields });
    await endUnknown(db, held, { reason: 'provider_fault', details: null, now });
    return;
  }
  log.warn('sms_look_up_unanswered', fields);
  const pauseMs = backoffMs({ attempt: message.lookUps, isCode: message.lookUps < 8, random: Math.random() });
  await db
    .update(smsMessages)
    .set({
      leaseUntil: null,
      faultedAt: now,
      attemptedAt: now,
      sendAfter: new Date(now.getTime() + pauseMs),
    })
    .where(isHeld(held));
}
