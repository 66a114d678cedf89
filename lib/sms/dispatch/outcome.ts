import { eq } from 'drizzle-orm';
import { smsMessages, type MessageDetails } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { isDatabaseFault } from '@/db/database-fault';
import { isFirstToday } from '@/lib/once-a-day';
import type { RecordAccepted } from './accepted';
import { changeSpend, microsOf, type BudgetRefusal } from '@/lib/sms/capacity/budget';
import { isHeld, type Held, type HeldText, type Work } from './claim';
import { restSender, applyEffect } from '@/lib/sms/delivery/after-failure';
import { findRemedy, type ProviderReason, type Remedy } from '@/lib/sms/delivery/error-codes';
import { measureSend } from '@/lib/sms/delivery/measure-texts';
import { countRefusal } from '@/lib/metrics/meters';
import { senderRestUntil, nextTryAt, backoffMs, giveUpAfterMs } from '@/lib/sms/delivery/retry-policy';
import type { PolicyReason } from './send-policy';
import { refundSend, lockNumber } from '@/lib/sms/numbers/number';
import type { SendOutcome } from '@/lib/sms/provider/provider';
import { resumeSender } from '@/lib/sms/capacity/send-rate';

/** A text that failed on our own side so often is ended: what is wrong with it does not mend itself. */
const mostFaults = 5;

/**
 * Texts that wait for room in a cap ask again spread over this long after the moment at which there will be some: all of them
 * wait for the same moment, and few will fit.
 */
const crowdAtBudgetMs = { soonest: 5 * 60_000, latest: 25 * 60_000 };

/** So long before its end a text that waits for room in a cap is tried for the last time, so that it still gets there. */
const lastTryMs = 60_000;

/** A reservation that is not used: the text was certainly not sent. */
const released = { price: null, estimatedPrice: null, reservedAt: null } as const;

/**
 * Records what a call to the provider came to, and plans what follows from it.
 *
 * @param wasStopped whether the sender was at rest when the text was claimed, so that success means it may go on
 */
export async function recordOutcome(
  work: Work & { recordAccepted: RecordAccepted },
  text: HeldText,
  {
    outcome,
    attempt,
    startedAt,
    wasStopped,
  }: { outcome: SendOutcome; attempt: number; startedAt: Date; wasStopped: boolean },
): Promise<void> {
  const { provider, log } = work;
  const { message, held } = text;
  const now = held.clock();
  const isCode = message.purpose === 'verification';
  const random = Math.random();
  switch (outcome.outcome) {
    case 'accepted':
      if (!(await work.recordAccepted(text, outcome))) await recordTakenSid(work, held, outcome.sid);
      if (wasStopped) await resumeSender(work.db, provider.sender, 'accepted');
      return;
    case 'unknown': {
      log.warn('sms_outcome_unknown', { message: message.id, fault: outcome.fault, attempt });
      const lookUpAt = new Date(startedAt.getTime() + provider.lookUpAfterMs);
      await recordUnknown(work.db, held, { lookUpAt, now });
      return;
    }
    case 'unreachable': {
      log.warn('sms_provider_unreachable', { message: message.id, fault: outcome.fault, attempt });
      const until = new Date(now.getTime() + backoffMs({ attempt, isCode, random }));
      await retryOrEnd(work, text, { until, reason: 'provider_unreachable', code: null, faulted: true });
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
      await restSender(work.db, remedy, { sender: provider.sender, until: restUntil });
      if (until === null) {
        const told = { remedy, calledAt: startedAt };
        await recordEnd(work, text, { status: 'failed', reason: remedy.reason, code, told });
        return;
      }
      const faulted = remedy.reason === 'provider_authentication';
      await retryOrEnd(work, text, { until, reason: remedy.reason, code, faulted });
    }
  }
}

/** An answer that names another text's SID: ours may have gone out and cannot be followed, so it is not sent again. */
async function recordTakenSid({ db, log }: Work, held: Held, sid: string | null): Promise<void> {
  const details = { rule: 'sid_of_another_text', value: sid };
  const ended = await endUnknown(db, held, { reason: 'internal_error', details, now: held.clock() });
  if (ended) log.error('sms_alert', { alert: 'internal_error', message: held.id, sid });
}

/** Waits to be looked up; the reservation is kept, for it may have been sent. */
async function recordUnknown(
  db: Db,
  held: Held,
  { lookUpAt, now }: { lookUpAt: Date; now: Date },
): Promise<void> {
  await db
    .update(smsMessages)
    .set({ leaseUntil: null, reason: 'provider_fault', faultedAt: now, sendAfter: lookUpAt })
    .where(isHeld(held));
}

/** Certainly not sent: back into the queue for `until`, or ended when that is too late to be worth anything. */
async function retryOrEnd(
  work: Work,
  text: HeldText,
  facts: { until: Date; reason: ProviderReason; code: number | null; faulted: boolean },
): Promise<void> {
  const { message, held } = text;
  const { until, reason, code, faulted } = facts;
  const tooLate =
    (message.expiresAt !== null && until >= message.expiresAt) ||
    until.getTime() - message.createdAt.getTime() > giveUpAfterMs * (reason === 'daily_cap' ? 3 : 1);
  if (tooLate) {
    await recordEnd(work, text, { status: 'failed', reason, code, faulted });
    return;
  }
  await putBack(work.db, held, {
    sendAfter: until,
    reason,
    errorCode: code,
    ...(faulted ? { faultedAt: held.clock() } : {}),
  });
}

/**
 * Puts off a text that the send policy or the budget holds back: both are asked again at `until`, or when it expires, if that is
 * sooner.
 */
export async function recordWait(
  db: Db,
  { message, held }: HeldText,
  { until, reason, details }: { until: Date; reason: string | null; details: MessageDetails | null },
): Promise<void> {
  const { expiresAt } = message;
  const sendAfter = expiresAt !== null && expiresAt < until ? expiresAt : until;
  // It could be handled, so what failed before was not its own.
  const changes = { sendAfter, faults: 0, reason, details };
  await putBack(db, held, reason === 'quiet_hours' ? { ...changes, heldAt: held.clock() } : changes);
}

/** Puts a text that was certainly not sent back into the queue; what was reserved for it is released. */
export async function putBack(
  db: Db,
  held: Held,
  changes: Partial<typeof smsMessages.$inferInsert> & { sendAfter: Date },
): Promise<void> {
  await db.transaction((tx) => letGo(tx, held, { ...changes, status: 'queued' }));
}

/**
 * Over a cap: a code ends, since it is wanted now; other texts wait for room. One that expires before there is room for sure is
 * tried once more shortly before, since a price may settle lower, and ends then.
 */
export async function recordOverBudget(work: Work, text: HeldText, refusal: BudgetRefusal): Promise<void> {
  const { message, held } = text;
  const details = {
    rule: refusal.rule,
    limitMicros: refusal.limitMicros.toString(),
    spentMicros: refusal.spentMicros.toString(),
    priceMicros: refusal.priceMicros.toString(),
    retryAt: refusal.retryAt?.toISOString() ?? null,
  };
  const isForOne = refusal.rule === 'SMS_DAILY_BUDGET_PER_USER_USD';
  // What concerns many is alerted once a day, and no warning for each code of a crowd.
  work.log[isForOne ? 'warn' : 'info']('sms_over_budget', { message: message.id, ...details });
  countRefusal(refusal.rule);
  if (!isForOne && (await isFirstToday(work.db, `budget:${refusal.rule}`, held.clock()))) {
    const alert =
      refusal.rule === 'SMS_DAILY_BUDGET_USD' ? 'daily_budget_reached' : `${refusal.rule}_reached`;
    work.log.error('sms_alert', { alert, message: message.id, ...details });
  }
  const until = refusal.retryAt === null ? null : findNextTry(message, refusal.retryAt, held.clock());
  if (message.purpose === 'verification' || until === null) {
    await recordEnd(work, text, { status: 'failed', reason: 'budget', details });
  } else {
    await recordWait(work.db, text, { until, reason: 'budget', details });
  }
}

/** When a text asks for room again that there is for sure at `retryAt`; null: it expires before, and was tried for the last time. */
function findNextTry({ expiresAt }: HeldText['message'], retryAt: Date, now: Date): Date | null {
  const until = spreadOut(retryAt);
  if (expiresAt === null) return until;
  const last = new Date(expiresAt.getTime() - lastTryMs);
  if (!(until > last)) return until;
  return last > now ? last : null;
}

function spreadOut(moment: Date): Date {
  const { soonest, latest } = crowdAtBudgetMs;
  return new Date(moment.getTime() + Math.round(soonest + (latest - soonest) * Math.random()));
}

/**
 * Ends a text that was certainly not sent: the reservation is released, a counted send no longer counts, and what the error
 * says about the number is kept, all in one transaction, the number's row locked first.
 */
export async function recordEnd(
  { db, log, provider }: Work,
  { message, held }: HeldText,
  end: {
    status: 'failed' | 'canceled';
    reason: PolicyReason | ProviderReason | 'budget' | 'internal_error';
    details?: MessageDetails | null;
    code?: number | null;
    /** What the provider's error says about the number, and when it was asked. */
    told?: { remedy: Remedy; calledAt: Date };
    faulted?: boolean;
  },
): Promise<boolean> {
  const now = held.clock();
  const ended = await db.transaction(async (tx) => {
    if (message.countedAt !== null || end.told) await lockNumber(tx, message.phone);
    return letGo(
      tx,
      held,
      {
        status: end.status,
        reason: end.reason,
        details: end.details ?? null,
        errorCode: end.code ?? null,
        failedAt: now,
        ...(end.faulted ? { faultedAt: now } : {}),
      },
      async () => {
        if (message.countedAt !== null) {
          const { phone, sendClass, countedAt } = message;
          await refundSend(tx, { phone, sendClass, countedAt });
        }
        if (end.told) {
          const { remedy, calledAt } = end.told;
          await applyEffect(tx, remedy, {
            text: message,
            sender: provider.sender,
            sid: null,
            calledAt,
            failedAt: now,
            now,
          });
        }
      },
    );
  });
  if (ended) {
    log.info('sms_not_sent', { message: message.id, reason: end.reason, status: end.status });
    measureSend(message, end.status, now);
  }
  return ended;
}

/**
 * Changes a text in our hands that was certainly not sent, does what follows, and gives its price back, the sums last of
 * all. False: it is not in our hands any more, and nothing happened.
 */
export async function letGo(
  tx: Tx,
  held: Held,
  changes: Partial<typeof smsMessages.$inferInsert>,
  andThen: () => Promise<void> = async () => undefined,
): Promise<boolean> {
  const [before] = await tx
    .select({
      price: smsMessages.price,
      reservedAt: smsMessages.reservedAt,
      scopes: smsMessages.spendScopes,
    })
    .from(smsMessages)
    .where(isHeld(held))
    .for('update');
  if (!before) return false;
  await tx
    .update(smsMessages)
    .set({ ...changes, leaseUntil: null, unknownSince: null, lookUps: 0, ...released })
    .where(eq(smsMessages.id, held.id));
  await andThen();
  const { price, reservedAt, scopes } = before;
  if (reservedAt !== null) await changeSpend(tx, [{ scopes, reservedAt, micros: -microsOf(price) }]);
  return true;
}

/**
 * Something of our own failed while a text was handled: that counts as an attempt of this text, which is tried again after
 * a pause, each longer than the last, and ends with the fifth, visibly and with an alert. One whose call was begun is
 * looked up first, since it may have gone out, and its reservation is kept.
 *
 * What the database as a whole is to blame for (`isDatabaseFault`) counts for none of the texts that met it, for a day: a
 * code is tried again as long as it is worth something, however long someone holds a lock. That one text takes too long while
 * the database answers about others is its own (`readFacts`).
 */
export async function recordFault(work: Work, held: Held, error: unknown): Promise<void> {
  const { db, log, provider } = work;
  const [message] = await db.select().from(smsMessages).where(isHeld(held));
  log.error('sms_work_failed', { message: held.id, faults: message?.faults, error });
  if (!message) return;
  const now = held.clock();
  const isOwn = !isDatabaseFault(error) || now.getTime() - message.createdAt.getTime() > giveUpAfterMs;
  const faults = message.faults + (isOwn ? 1 : 0);
  const wasCalled = message.unknownSince !== null;
  if (faults >= mostFaults) {
    const details = { rule: 'handled_in_vain', limit: mostFaults };
    const end = { status: 'failed', reason: 'internal_error', details } as const;
    const endAnyway = () => endUnknown(db, held, { reason: 'internal_error', details, now });
    const ended = wasCalled
      ? await endAnyway()
      : await recordEnd(work, { held, message }, end).catch(unlessDatabase(endAnyway));
    if (ended) log.error('sms_alert', { alert: 'internal_error', message: held.id, error });
    return;
  }
  const isCode = message.purpose === 'verification';
  const pauseMs = backoffMs({ attempt: Math.max(1, faults), isCode, random: Math.random() });
  const sendAfter = new Date(now.getTime() + Math.max(pauseMs, wasCalled ? provider.lookUpAfterMs : 0));
  const changes = { sendAfter, faults, reason: 'internal_error' };
  const keepReserved = (status: 'queued' | 'sending') =>
    db
      .update(smsMessages)
      .set({ ...changes, status, leaseUntil: null })
      .where(isHeld(held));
  if (wasCalled) await keepReserved('sending');
  else await putBack(db, held, changes).catch(unlessDatabase(() => keepReserved('queued')));
}

/**
 * What is wrong with a text may be in the way of giving back what was reserved or counted for it, too. Then that stays as it
 * is, so that the text ends nevertheless; unless the database is to blame, and it works the next time.
 */
function unlessDatabase<Value>(otherwise: () => Promise<Value>): (error: unknown) => Promise<Value> {
  return (error) => (isDatabaseFault(error) ? Promise.reject(error as Error) : otherwise());
}

/** Ends a text of which it will never be known whether it went out: the reservation counts as spent. */
export async function endUnknown(
  db: Db,
  held: Held,
  { reason, details, now }: { reason: string; details: MessageDetails | null; now: Date },
): Promise<boolean> {
  const ended = await db
    .update(smsMessages)
    .set({ status: 'failed', reason, details, failedAt: now, leaseUntil: null, unknownSince: null })
    .where(isHeld(held))
    .returning({ purpose: smsMessages.purpose, createdAt: smsMessages.createdAt });
  for (const text of ended) measureSend(text, 'unknown', now);
  return ended.length > 0;
}
