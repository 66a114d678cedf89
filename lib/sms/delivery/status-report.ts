import { sql, type SQL } from 'drizzle-orm';
import type { MessagePurpose, MessageStatus, SendClass } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { isUniqueViolation } from '@/db/unique-violation';
import { timestamp } from '@/db/timestamp';
import type { Log } from '@/lib/log';
import { isId } from '@/lib/random';
import { changeSpend, microsOf } from '@/lib/sms/capacity/budget';
import { feeOf, findRemedy, type Remedy } from './error-codes';
import { measureDelivery, measureSend } from './measure-texts';
import { senderRestUntil, nextTryAt, mostRepetitions } from './retry-policy';
import { forgetDeadTexts } from '@/lib/sms/numbers/doubt';
import { lockNumber, markDeliverable, type NumberRow } from '@/lib/sms/numbers/number';
import { cancelTexts, type Message } from '@/lib/sms/outbox/text-outbox';
import type { ProviderText } from '@/lib/sms/provider/provider';
import { resumeSender } from '@/lib/sms/capacity/send-rate';
import { alertOf, applyEffect, enqueueRetry, restSender } from './after-failure';
import { type StatusReport } from './read-status-report';

/** The provider's words for a text's state, in the order in which they may follow each other; later ones win. */
const forwardOrder = [
  'accepted',
  'scheduled',
  'queued',
  'sending',
  'sent',
  'partially_delivered',
  'canceled',
  'failed',
  'undelivered',
  'delivered',
  'read',
] as const;

type ProviderStatus = (typeof forwardOrder)[number];

/** What a text in these states costs is known without being told: feeOf. */
const feeStatuses = ['failed', 'canceled'];

const ourStatus: Record<ProviderStatus, MessageStatus> = {
  accepted: 'sent',
  scheduled: 'sent',
  queued: 'sent',
  sending: 'sent',
  sent: 'sent',
  partially_delivered: 'sent',
  canceled: 'failed',
  failed: 'failed',
  undelivered: 'failed',
  delivered: 'delivered',
  read: 'delivered',
};

/** Whether a provider's word for a text's state says that it failed. */
export function isFailure(status: string): boolean {
  return ourStatus[status as ProviderStatus] === 'failed';
}

/** What takes the place of a number that was erased from its text: such texts share no lock. */
const erasedPhone = '';

export type StatusResult =
  | { ok: true; changed: boolean; alert: string | null; askedBy: string | null }
  | { ok: false; reason: 'not_ours' | 'unknown_status' };

/**
 * Takes in what the provider says became of a text, however late, early, often or out of order: one conditional UPDATE
 * that only moves forward decides, so that every order of the same reports ends in the same state. A report belongs to a
 * text when message id and SID belong together, or, while no SID is stored, message id and number do; a text whose call
 * has not been answered yet is settled by that.
 *
 * What each failure calls for happens in the same transaction, once: the opt-out of error 21610, the mark on a number that
 * cannot be texted, a further try as a new text, a rest for the sender, unless it delivers others' texts. That, too, does not depend
 * on the order of the reports. `alert` is set when an
 * operator should know; `askedBy` is the request that the text was wished for in.
 * Refuses with `not_ours` when no text fits, and with `unknown_status` for a word that the documentation does not have
 * (twilio.com/docs/messaging/api/message-resource#message-status-values).
 */
export async function applyStatus(db: Db, report: StatusReport): Promise<StatusResult> {
  const status = forwardOrder.find((known) => known === report.status);
  if (status === undefined) return { ok: false, reason: 'unknown_status' };
  if (report.messageId && !isId(report.messageId)) return { ok: false, reason: 'not_ours' };
  try {
    return await takeIn(db, report, status);
  } catch (error) {
    // The SID is on another text: message id and SID do not belong together.
    if (isUniqueViolation(error)) return { ok: false, reason: 'not_ours' };
    throw error;
  }
}

async function takeIn(db: Db, report: StatusReport, status: ProviderStatus): Promise<StatusResult> {
  let after: MovedRow | null = null;
  const result = await db.transaction(async (tx) => {
    let number: NumberRow | null = null;
    if (ourStatus[status] === 'failed' || ourStatus[status] === 'delivered') {
      // What follows may be about the number, whose row is always locked before a text's.
      const phone = await readPhone(tx, report);
      if (phone === null) return { ok: false as const, reason: 'not_ours' as const };
      if (phone !== erasedPhone) {
        number = await lockNumber(tx, phone);
      }
    }
    const remedy =
      ourStatus[status] === 'failed' ? findRemedy({ code: report.errorCode, httpStatus: null }) : null;
    const row = await moveForward(tx, report, status, remedy);
    if (row === null) return { ok: false as const, reason: 'not_ours' as const };
    after = row;
    const moved = row.before_status !== row.status;
    // The carrier delivered it after all: the repetition is not needed, and the number works.
    if (moved && row.status === 'delivered') {
      await cancelTexts(tx, { retryOf: row.id }, 'delivered', report.now);
      if (number !== null && number.undeliverableAt !== null) await markDeliverable(tx, row.phone);
      if (number !== null && number.deadTexts.length > 0) {
        const failedAt = row.before_failed_ms === null ? null : new Date(row.before_failed_ms);
        await forgetDeadTexts(tx, row.phone, failedAt);
      }
    }
    // What each error calls for is done once it is first told, whichever of them counts for the row: so their order does not matter.
    const isNew = moved || row.before_error_code !== report.errorCode;
    const due = remedy !== null && row.status === 'failed' && isNew ? remedy : null;
    if (remedy !== null) await applyEffectOf(tx, row, report, { remedy, isNew });
    if (due !== null) await repeatOrNot(tx, row, { remedy: due, isFirst: moved, now: report.now });
    const micros = microsOf(row.price) - microsOf(row.before_price);
    await changeSpend(tx, [{ scopes: row.spend_scopes, reservedAt: new Date(row.reserved_ms), micros }]);
    // A reservation, too, locks the sums before the sender.
    if (row.sender !== null)
      await tellSender(tx, row.sender, { moved, status: row.status, remedy: due }, report.now);
    return { ok: true as const, changed: row.changed, alert: due && alertOf(due), askedBy: row.request_id };
  });
  if (after !== null) measure(after, report.now);
  return result;
}

/** What the report was the first to say: that the provider has the text, that it arrived, that it failed. */
function measure(row: MovedRow, now: Date): void {
  const text = { purpose: row.purpose, createdAt: new Date(row.created_ms) };
  if (!row.was_sent) measureSend(text, row.was_held ? 'sent_after_hold' : 'sent', now);
  if (row.before_status === row.status) return;
  if (row.status === 'failed') measureDelivery(text, 'failed', now);
  else if (row.status === 'delivered') {
    measureDelivery(text, row.was_held ? 'delivered_after_hold' : 'delivered', now);
  }
}

type MovedRow = {
  id: string;
  before_status: MessageStatus;
  status: MessageStatus;
  changed: boolean;
  before_error_code: number | null;
  phone: string;
  sender: string | null;
  before_price: string | null;
  price: string | null;
  reserved_ms: number;
  sent_ms: number;
  before_failed_ms: number | null;
  failed_ms: number | null;
  spend_scopes: string[] | null;
  request_id: string | null;
  user_id: string | null;
  send_class: SendClass | null;
  purpose: MessagePurpose;
  created_ms: number;
  was_sent: boolean;
  was_held: boolean;
};

/** `remedy`: that of the report's error; null: it reports no failure. Out: the row before and after; null: no text fits. */
async function moveForward(
  tx: Tx,
  report: StatusReport,
  status: ProviderStatus,
  remedy: Remedy | null,
): Promise<MovedRow | null> {
  const ours = ourStatus[status];
  const failed = remedy !== null;
  const code = failed ? report.errorCode : null;
  const reason = remedy?.reason ?? null;
  const price = readPrice(report);
  const final = ours === 'failed' || ours === 'delivered';
  const fee = feeOf(status, code);
  const hasFee = sql`array[${sql.join(
    feeStatuses.map((each) => sql`${each}`),
    sql`, `,
  )}]::text[]`;
  const order = sql`array[${sql.join(
    forwardOrder.map((each) => sql`${each}`),
    sql`, `,
  )}]::text[]`;
  const rank = sql`${forwardOrder.indexOf(status) + 1}::int`;
  // Of several errors of the same state the least counts, so that their order does not matter.
  const decides = sql`(${rank} > before.rank
    or (${rank} = before.rank and ${code}::int < coalesce(before.error_code, 2147483647)))`;
  const at = timestamp(report.now);
  // A price that was settled and is raised counts as settled then: so whoever summed it up earlier knows that it may be another.
  const { rows } = await tx.execute<MovedRow>(sql`
    with before as (
      select id, status, coalesce(array_position(${order}, provider_status), 0) as rank, price, price_settled_at,
             error_code, segments, sent_at, failed_at
      from sms_messages where ${isAbout(report)} for update
    )
    update sms_messages m
    set provider_sid = ${report.sid},
        unknown_since = null,
        faulted_at = null,
        sent_at = coalesce(m.sent_at, ${at}),
        reserved_at = coalesce(m.reserved_at, ${at}),
        provider_status = case when ${rank} > before.rank then ${status} else m.provider_status end,
        status = case when ${rank} > before.rank then ${ours} else m.status end,
        lease_until = case when ${rank} > before.rank then null else m.lease_until end,
        delivered_at = case when ${rank} > before.rank and ${ours === 'delivered'}
          then coalesce(m.delivered_at, ${at}) else m.delivered_at end,
        failed_at = case when ${rank} > before.rank
          then case when ${failed} then coalesce(m.failed_at, ${at}) end else m.failed_at end,
        error_code = case when ${rank} > before.rank then ${code}::int
          when ${rank} = before.rank then least(m.error_code, ${code}::int) else m.error_code end,
        reason = case when ${decides} then ${reason} else m.reason end,
        segments = case when ${report.segments ?? 0}::int > 0
          then case when m.price_settled_at is null and before.rank = 0 then ${report.segments ?? 0}::int
            else greatest(m.segments, ${report.segments ?? 0}::int) end
          else m.segments end,
        price = case
          when m.price_settled_at is not null then greatest(m.price, ${price}::numeric)
          when ${price}::numeric is not null then ${price}::numeric
          when ${decides} then ${fee === null ? sql`m.estimated_price` : sql`${fee.usd}::numeric`}
          else m.price end,
        price_settled_at = case when ${price}::numeric > m.price or m.price_settled_at is null and ${price}::numeric is not null
          then ${at} else m.price_settled_at end,
        check_at = case
          when (${final} or before.status in ('delivered', 'failed')) and (
            m.price_settled_at is not null or ${price}::numeric is not null
            or (case when ${rank} > before.rank then ${status} else m.provider_status end) = any(${hasFee})
          ) then null
          when ${final} and ${rank} > before.rank then coalesce(m.check_at, ${at}) else m.check_at end
    from before where m.id = before.id
    returning m.id, before.status as before_status, m.status, m.phone, m.sender, m.spend_scopes,
      m.request_id, m.user_id, m.send_class, m.purpose, (extract(epoch from m.created_at) * 1000)::float8 as created_ms,
      before.sent_at is not null as was_sent, m.held_at is not null as was_held,
      before.price::text as before_price, m.price::text as price,
      (extract(epoch from m.reserved_at) * 1000)::float8 as reserved_ms,
      (extract(epoch from m.sent_at) * 1000)::float8 as sent_ms,
      (extract(epoch from before.failed_at) * 1000)::float8 as before_failed_ms,
      (extract(epoch from m.failed_at) * 1000)::float8 as failed_ms,
      (${rank} > before.rank or m.price is distinct from before.price or m.segments is distinct from before.segments
        or m.error_code is distinct from before.error_code) as changed,
      before.error_code as before_error_code`);
  return rows[0] ?? null;
}

/** The text that a report is about: see applyStatus. */
function isAbout({ messageId, sid, to }: StatusReport): SQL {
  return messageId
    ? sql`direction = 'out' and id = ${messageId}::uuid
        and (provider_sid = ${sid} or (provider_sid is null and phone = ${to}))`
    : sql`direction = 'out' and provider_sid = ${sid}`;
}

async function readPhone(tx: Tx, report: StatusReport): Promise<string | null> {
  const { rows } = await tx.execute<{ phone: string }>(
    sql`select phone from sms_messages where ${isAbout(report)}`,
  );
  return rows[0]?.phone ?? null;
}

/** The charge as a positive decimal; null when it is unknown or not in dollars. */
function readPrice({ price, priceUnit }: { price: string | null; priceUnit: string | null }): string | null {
  if (price === null || !/^-?\d{1,5}(\.\d{1,12})?$/.test(price)) return null;
  if (priceUnit !== null && priceUnit.toUpperCase() !== 'USD') return null;
  return price.replace(/^-/, '');
}

/**
 * Keeps what a failure says about the number. Who has opted out has, even if this text was delivered after all; that a number takes
 * no texts is believed only while this one was not.
 */
async function applyEffectOf(
  tx: Tx,
  row: MovedRow,
  { sid, now }: StatusReport,
  { remedy, isNew }: { remedy: Remedy; isNew: boolean },
): Promise<void> {
  const { phone, sender, status, sent_ms: sentMs, failed_ms: failedMs } = row;
  // Erased: there is no number that the error could be about.
  if (phone === erasedPhone) return;
  // Twilio is asked about a text for days. What it says again is about then: a later text may have shown that the number works.
  const isOptOut = remedy.kind === 'final' && remedy.effect === 'opt_out';
  if (!isOptOut && (status !== 'failed' || !isNew)) return;
  const failedAt = failedMs === null ? now : new Date(failedMs);
  const text = { phone, userId: row.user_id, purpose: row.purpose, sendClass: row.send_class };
  await applyEffect(tx, remedy, { text, sender, sid, calledAt: new Date(sentMs), failedAt, now });
}

/**
 * Repeats a text where its first failure calls for that, and takes a repetition back that still waits where a further error calls for
 * none: so there is one only if all do.
 */
async function repeatOrNot(
  tx: Tx,
  row: MovedRow,
  { remedy, isFirst, now }: { remedy: Remedy; isFirst: boolean; now: Date },
): Promise<void> {
  // Erased: there is nobody to send it to again.
  if (row.phone === erasedPhone) return;
  const { rows } = await tx.execute<Pick<Message, 'purpose' | 'retries'>>(
    sql`select purpose, retries from sms_messages where id = ${row.id}`,
  );
  const nextAt = findNextTry(rows[0]!, remedy, now);
  if (nextAt === null) await cancelTexts(tx, { retryOf: row.id }, remedy.reason, now);
  else if (isFirst) await enqueueRetry(tx, row.id, { sendAfter: nextAt, now });
}

/** When a text that was accepted and failed is sent again; null: it is not. */
function findNextTry(
  { purpose, retries }: Pick<Message, 'purpose' | 'retries'>,
  remedy: Remedy,
  now: Date,
): Date | null {
  // Each repetition is paid for, and what a sender was refused for it is refused again until an operator has acted.
  if (retries >= mostRepetitions || remedy.kind === 'stop_sender') return null;
  const isCode = purpose === 'verification';
  if (remedy.kind === 'final') {
    // A code is worth nothing any more; another text was only not to arrive in the quiet hours, and the send policy waits for their end.
    return remedy.reason === 'validity_over' && !isCode ? now : null;
  }
  return nextTryAt(remedy, { attempt: retries + 1, isCode, random: Math.random(), now });
}

/** A report that a carrier takes nothing from a sender is not believed while one of its texts was delivered this lately … */
const deliversWithinMs = 10 * 60_000;

/** … as far as so many of its last deliveries can tell: by what late reports say it delivered long ago. */
const lastDeliveries = 500;

/**
 * Whether carriers deliver what a sender sends: then the failure of one text says something about that text, and is no reason to
 * keep everyone else's waiting.
 */
async function isDelivering(tx: Tx, sender: string, now: Date): Promise<boolean> {
  const since = timestamp(new Date(now.getTime() - deliversWithinMs));
  const { rows } = await tx.execute(sql`
    select from (
      select attempted_at from sms_messages
      where sender = ${sender} and delivered_at > ${since} order by delivered_at desc limit ${lastDeliveries}
    ) last
    where attempted_at > ${since}::timestamptz - interval '1 hour' limit 1`);
  return rows.length > 0;
}

/** A delivery lets a sender go on; a failure has it rest where its error says so, unless others are delivered. */
async function tellSender(
  tx: Tx,
  sender: string,
  { moved, status, remedy }: { moved: boolean; status: MessageStatus; remedy: Remedy | null },
  now: Date,
): Promise<void> {
  if (moved && status === 'delivered') await resumeSender(tx, sender, 'delivered');
  if (remedy === null) return;
  if (remedy.kind === 'stop_sender' && (await isDelivering(tx, sender, now))) return;
  const until = senderRestUntil(remedy, { paid: true, random: Math.random(), now });
  await restSender(tx, remedy, { sender, until });
}

/** Takes in a text as the provider has it. */
export async function settleText(
  db: Db,
  messageId: string,
  text: ProviderText,
  { now, log }: { now: Date; log: Log },
): Promise<void> {
  const { sid, status, errorCode, price, priceUnit, segments } = text;
  const result = await applyStatus(db, {
    messageId,
    sid,
    status,
    errorCode,
    price,
    priceUnit,
    segments,
    to: null,
    now,
  });
  if (result.ok && result.alert !== null) {
    log.error('sms_alert', { alert: result.alert, message: messageId, errorCode });
  }
}
