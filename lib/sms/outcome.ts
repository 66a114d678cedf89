import { sql, type SQL } from 'drizzle-orm';
import { smsMessages, type MessageDetails } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import type { BudgetRefusal } from './budget';
import { held, type Claimed, type Work } from './claim';
import { applyEffect, isFailure, restSender } from './delivery';
import {
  backoffMs,
  findRemedy,
  giveUpAfterMs,
  nextTryAt,
  senderRestUntil,
  type ProviderReason,
  type Remedy,
} from './errors';
import type { GateReason } from './gates';
import { giveBackSend, lockNumber } from './number';
import type { Message } from './outbox';
import type { SendOutcome } from './provider';
import { resumeSender } from './senders';

/** A reservation that is not used: the text was certainly not sent. */
export const released = { price: null, estimatedPrice: null, reservedAt: null } as const;

/** Records what a call to the provider came to, and plans what follows from it. */
export async function recordOutcome(
  work: Work,
  claimed: Claimed,
  { outcome, attempt, startedAt }: { outcome: SendOutcome; attempt: number; startedAt: Date },
): Promise<void> {
  const { db, provider, log } = work;
  const { message } = claimed;
  const now = new Date();
  const isCode = message.purpose === 'verification';
  const random = Math.random();
  switch (outcome.outcome) {
    case 'accepted':
      return recordAccepted(work, message, outcome, now);
    case 'unknown': {
      log.warn('sms_outcome_unknown', { message: message.id, fault: outcome.fault, attempt });
      const lookUpAt = new Date(startedAt.getTime() + provider.lookUpAfterMs);
      await recordUnknown(db, claimed, { lookUpAt, now });
      return;
    }
    case 'unreachable': {
      log.warn('sms_provider_unreachable', { message: message.id, fault: outcome.fault, attempt });
      const until = new Date(now.getTime() + backoffMs({ attempt, isCode, random }));
      await retryOrEnd(work, claimed, {
        until,
        reason: 'provider_unreachable',
        code: null,
        faulted: true,
        now,
      });
      return;
    }
    case 'refused': {
      const remedy = findRemedy(outcome);
      const { code, retryAfterSeconds } = outcome;
      const alert =
        remedy.kind === 'stop_sender' || (remedy.kind === 'final' && remedy.alert) ? remedy.reason : null;
      const fields = { message: message.id, errorCode: code, status: outcome.httpStatus, attempt };
      if (alert !== null) log.error('sms_alert', { alert, ...fields });
      else log.warn('sms_refused', { reason: remedy.reason, ...fields });
      const until = nextTryAt(remedy, { attempt, isCode, retryAfterSeconds, random, now });
      const restUntil = senderRestUntil(remedy, { retryAfterSeconds, paid: false, random, now });
      await restSender(db, remedy, { sender: provider.sender, until: restUntil });
      if (until === null) {
        await recordEnd(work, claimed, { status: 'failed', reason: remedy.reason, code, remedy });
        return;
      }
      const faulted = remedy.reason === 'provider_authentication';
      await retryOrEnd(work, claimed, { until, reason: remedy.reason, code, faulted, now });
    }
  }
}

/**
 * The provider has it. Recorded even when the lease is lost: it is a fact, and keeps others from sending it again. A text
 * that it took and refused in the same answer is asked about at once, for the error that the answer lacks.
 */
export async function recordAccepted(
  { db, provider, log }: Work,
  message: Message,
  { sid, status, segments }: { sid: string | null; status: string | null; segments: number | null },
  now: Date,
): Promise<void> {
  const failed = status !== null && isFailure(status);
  const checkAt =
    provider.firstCheckAfterMs === null
      ? null
      : new Date(now.getTime() + (failed ? 0 : provider.firstCheckAfterMs));
  const { rows } = await db.execute<{ settled: boolean }>(sql`
    update sms_messages
    set status = 'sent', provider_sid = coalesce(provider_sid, ${sid}),
        provider_status = coalesce(provider_status, ${failed ? null : status}), sent_at = coalesce(sent_at, ${at(now)}),
        segments = coalesce(${segments}::int, segments), check_at = ${checkAt ? at(checkAt) : sql`null`},
        lease_until = null, unknown_since = null, faulted_at = null, reason = null, details = null, error_code = null
    where id = ${message.id} and provider_status is null and sent_at is null
      and (provider_sid is null or provider_sid = ${sid})
    returning true as settled`);
  if (rows.length === 0) {
    // A status report was faster and has settled it, or it was already sent under another SID.
    const { rows: known } = await db.execute<{ ours: boolean }>(sql`
      update sms_messages
      set check_at = coalesce(check_at, case when price_settled_at is null and status <> 'failed'
            then ${checkAt ? at(checkAt) : sql`null`}::timestamptz end)
      where id = ${message.id} and provider_sid = ${sid} returning true as ours`);
    if (known.length === 0) log.error('sms_sent_twice', { message: message.id, sid });
  } else {
    log.info('sms_sent', { message: message.id, purpose: message.purpose, sid });
  }
  await resumeSender(db, provider.sender, 'accepted');
}

/** Waits to be looked up; the reservation stands, for it may have been sent. */
async function recordUnknown(
  db: Db,
  { message, lease }: Claimed,
  { lookUpAt, now }: { lookUpAt: Date; now: Date },
): Promise<void> {
  await db
    .update(smsMessages)
    .set({ leaseUntil: null, reason: 'provider_fault', faultedAt: now, sendAfter: lookUpAt })
    .where(held(message, lease));
}

/** Certainly not sent: back into the queue for `until`, or ended when that is too late to be worth anything. */
async function retryOrEnd(
  work: Work,
  claimed: Claimed,
  facts: { until: Date; reason: ProviderReason; code: number | null; faulted: boolean; now: Date },
): Promise<void> {
  const { message } = claimed;
  const { until, reason, code, faulted, now } = facts;
  const tooLate =
    (message.expiresAt !== null && until >= message.expiresAt) ||
    until.getTime() - message.createdAt.getTime() > giveUpAfterMs * (reason === 'daily_cap' ? 3 : 1);
  if (tooLate) {
    await recordEnd(work, claimed, { status: 'failed', reason, code, faulted });
    return;
  }
  await work.db
    .update(smsMessages)
    .set({
      status: 'queued',
      sendAfter: until,
      leaseUntil: null,
      unknownSince: null,
      reason,
      errorCode: code,
      ...(faulted ? { faultedAt: now } : {}),
      ...released,
    })
    .where(held(message, claimed.lease));
}

/** Held back by a gate or the budget until a moment at which it is asked again. */
export async function recordWait(
  db: Db,
  { message, lease }: Claimed,
  { until, reason, details }: { until: Date; reason: string | null; details: MessageDetails | null },
): Promise<void> {
  await db
    .update(smsMessages)
    .set({
      status: 'queued',
      sendAfter: until,
      leaseUntil: null,
      unknownSince: null,
      reason,
      details,
      ...released,
    })
    .where(held(message, lease));
}

/** Over a cap: a code ends, since it is wanted now; other texts wait for room. */
export async function recordOverBudget(work: Work, claimed: Claimed, refusal: BudgetRefusal): Promise<void> {
  const { message } = claimed;
  const details = {
    rule: refusal.rule,
    limitMicros: refusal.limitMicros.toString(),
    spentMicros: refusal.spentMicros.toString(),
    priceMicros: refusal.priceMicros.toString(),
    retryAt: refusal.retryAt?.toISOString() ?? null,
  };
  if (refusal.rule === 'SMS_DAILY_BUDGET_USD') {
    work.log.error('sms_alert', { alert: 'daily_budget_reached', message: message.id, ...details });
  } else {
    work.log.warn('sms_over_budget', { message: message.id, ...details });
  }
  if (message.purpose === 'verification' || refusal.retryAt === null) {
    await recordEnd(work, claimed, { status: 'failed', reason: 'budget', details });
  } else {
    await recordWait(work.db, claimed, { until: refusal.retryAt, reason: 'budget', details });
  }
}

/**
 * Ends a text that was certainly not sent: the reservation is released, a counted send is given back, and what the error
 * says about the number is kept, all in one transaction, the number's row locked first.
 */
export async function recordEnd(
  { db, log }: Work,
  { message, lease }: Claimed,
  end: {
    status: 'failed' | 'canceled';
    reason: GateReason | ProviderReason | 'budget';
    details?: MessageDetails | null;
    code?: number | null;
    remedy?: Remedy;
    faulted?: boolean;
  },
): Promise<void> {
  const now = new Date();
  const ended = await db.transaction(async (tx) => {
    await lockNumber(tx, message.phone);
    const { rowCount } = await tx
      .update(smsMessages)
      .set({
        status: end.status,
        reason: end.reason,
        details: end.details ?? null,
        errorCode: end.code ?? null,
        failedAt: now,
        leaseUntil: null,
        unknownSince: null,
        ...(end.faulted ? { faultedAt: now } : {}),
        ...released,
      })
      .where(held(message, lease));
    if (rowCount !== 1) return false;
    if (message.countedAt !== null) {
      await giveBackSend(tx, { phone: message.phone, countedAt: message.countedAt });
    }
    if (end.remedy) await applyEffect(tx, end.remedy, { phone: message.phone, now });
    return true;
  });
  if (ended) log.info('sms_not_sent', { message: message.id, reason: end.reason, status: end.status });
}

function at(instant: Date): SQL {
  return sql`${instant.toISOString()}::timestamptz`;
}
