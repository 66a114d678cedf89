import { and, eq, inArray, ne, sql, type SQL } from 'drizzle-orm';
import { smsMessages, type MessagePurpose, type SendClass } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { furthestPutOff } from '@/db/clock';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { currentRequestId } from '@/lib/request-scope';
import { refundSend } from '@/lib/sms/numbers/number';
import type { StoredText, TemplateName } from './text-templates';

export type Message = typeof smsMessages.$inferSelect;

/** The PostgreSQL channel that wakes the dispatchers. */
export const outboxChannel = 'doorstep_outbox';

/** Its template and what that is filled in with, never a code, besides: */
export type NewText = StoredText & {
  userId: string | null;
  /** E.164. */
  phone: string;
  purpose: MessagePurpose;
  challengeId?: string | null;
  /** Codes only: whose wish it is, and the class it was counted in. */
  sendClass?: SendClass | null;
  /** Codes only: the keyed marks of the network that asks, and of the wider one (asked-from.ts). */
  network?: string | null;
  wideNetwork?: string | null;
  /** Codes only: how much later they go for others that wait (send-order.ts). */
  wideTurns?: number | null;
  prefixTurns?: number | null;
  /** Of many that are wished for at once: which of them it is of (send-order.ts). */
  source?: string | null;
  /** The instant this text was counted at in its number's limit; it stops counting if the provider never accepts it. */
  countedAt?: Date | null;
  /** At most one text ever exists with the same key; the next wish to send it is answered null. */
  dedupeKey?: string | null;
  /** Not sent before this moment; what is to go at once goes by the database's clock, if that is behind. */
  sendAfter: Date;
  /** Worthless after this. */
  expiresAt?: Date | null;
  retryOf?: string | null;
  retries?: number;
  /** The request that it is wished for in; unless given, the one that is being answered. */
  requestId?: string | null;
  now: Date;
};

/**
 * Puts a text into the outbox and wakes the dispatchers, in one statement: both happen at the commit of `tx`, or neither.
 * Nothing is sent here. Null: a text with the same `dedupeKey` exists already.
 */
export async function enqueueText(tx: Tx | Db, text: NewText): Promise<{ id: string } | null> {
  const id = newId();
  const isAtOnce = text.sendAfter <= text.now;
  const sendAfter = isAtOnce
    ? sql`least(${at(text.sendAfter)}, date_trunc('milliseconds', clock_timestamp()))`
    : at(text.sendAfter);
  const { rows } = await tx.execute<{ id: string }>(sql`
    with added as (
      insert into sms_messages (
        id, direction, user_id, phone, purpose, template, params, challenge_id, send_class, network, wide_network, wide_turns, prefix_turns,
        counted_at, dedupe_key, created_at, send_after, expires_at, status, retry_of, retries, request_id, source
      ) values (
        ${id}, 'out', ${text.userId}, ${text.phone}, ${text.purpose}, ${text.template},
        ${JSON.stringify({ site: env().siteName, ...text.params })}::jsonb, ${text.challengeId ?? null}, ${text.sendClass ?? null},
        ${text.network ?? null}, ${text.wideNetwork ?? null}, ${text.wideTurns ?? null}, ${text.prefixTurns ?? null}, ${at(text.countedAt)},
        ${text.dedupeKey ?? null}, ${at(text.now)}, ${sendAfter}, ${at(text.expiresAt)}, 'queued',
        ${text.retryOf ?? null}, ${text.retries ?? 0},
        ${text.requestId === undefined ? currentRequestId() : text.requestId}, ${text.source ?? null}
      )
      on conflict (dedupe_key) do nothing
      returning id
    )
    select id, pg_notify(${outboxChannel}, '') from added`);
  const row = rows[0];
  return row ? { id: row.id } : null;
}

/** The `dedupeKey` of the one text that repeats another. */
export function retryKey(messageId: string): string {
  return `retry:${messageId}`;
}

/** Which waiting texts are meant: all conditions given must hold. */
export type TextFilter = {
  ids?: readonly string[];
  challengeId?: string;
  userId?: string;
  phone?: string;
  retryOf?: string;
  purposes?: readonly MessagePurpose[];
  /** False: whatever is no code, also of a purpose that is not known. */
  isCode?: false | undefined;
  templates?: readonly TemplateName[];
  /** False: all but warnings about an account's security, which reach whoever had the number until then. */
  isWarning?: false;
};

/**
 * Withdraws what is still queued; a text that a dispatcher has claimed meets the send policy instead, and what was accepted
 * cannot be called back. A send that was counted for a withdrawn text no longer counts; the rows of such numbers must be locked
 * already, since a number is never locked after a text (see lib/sms/numbers/lock-person.ts).
 * In: at least one condition; `reason` is kept with each text. Out: how many were withdrawn.
 */
export async function cancelTexts(tx: Tx, filter: TextFilter, reason: string, now: Date): Promise<number> {
  const conditions: SQL[] = [];
  if (filter.ids !== undefined) conditions.push(inArray(smsMessages.id, [...filter.ids]));
  if (filter.challengeId !== undefined) conditions.push(eq(smsMessages.challengeId, filter.challengeId));
  if (filter.userId !== undefined) conditions.push(eq(smsMessages.userId, filter.userId));
  if (filter.phone !== undefined) conditions.push(eq(smsMessages.phone, filter.phone));
  if (filter.retryOf !== undefined) conditions.push(eq(smsMessages.dedupeKey, retryKey(filter.retryOf)));
  if (filter.purposes !== undefined) conditions.push(inArray(smsMessages.purpose, [...filter.purposes]));
  if (filter.isCode === false) conditions.push(ne(smsMessages.purpose, 'verification'));
  if (filter.templates !== undefined) conditions.push(inArray(smsMessages.template, [...filter.templates]));
  if (filter.isWarning === false)
    conditions.push(
      sql`not (${smsMessages.purpose} = 'notice' and ${smsMessages.template} <> 'resetFactors')`,
    );
  if (conditions.length === 0) throw new RangeError('Which texts to withdraw must be said');
  const canceled = await tx
    .update(smsMessages)
    .set({ status: 'canceled', reason, failedAt: now })
    .where(areWaiting(tx, and(...conditions)))
    .returning({
      phone: smsMessages.phone,
      countedAt: smsMessages.countedAt,
      sendClass: smsMessages.sendClass,
    });
  canceled.sort((a, b) => (a.phone < b.phone ? -1 : 1));
  for (const { phone, countedAt, sendClass } of canceled) {
    if (countedAt !== null) await refundSend(tx, { phone, countedAt, sendClass });
  }
  return canceled.length;
}

/**
 * Has texts that are with a dispatcher or the carrier not be tried again from `now` on, should they fail: what they say is no longer
 * news. One that fails at the same moment may have been repeated already, so look for repetitions after this.
 */
export async function endRetries(tx: Tx, ids: readonly string[], now: Date): Promise<void> {
  await tx
    .update(smsMessages)
    .set({ expiresAt: sql`least(expires_at, ${timestamp(now)})` })
    .where(
      lockInOrder(
        tx,
        and(inArray(smsMessages.id, [...ids]), inArray(smsMessages.status, ['sending', 'sent'])),
      ),
    );
}

/** Leads a person's waiting updates from the number they had to the one they have, which gets its own first text. */
export async function redirectUpdates(
  tx: Tx,
  { userId, from, to }: { userId: string; from: string; to: string },
): Promise<void> {
  await tx
    .update(smsMessages)
    .set({ phone: to })
    .where(
      areWaiting(
        tx,
        and(
          eq(smsMessages.userId, userId),
          eq(smsMessages.phone, from),
          eq(smsMessages.purpose, 'update'),
          ne(smsMessages.template, 'optInConfirmation'),
        ),
      ),
    );
}

/** Has the send policy asked again, at once, about what quiet hours hold back for a person. */
export async function askPolicyAgain(tx: Tx, { userId, now }: { userId: string; now: Date }): Promise<void> {
  const mine = and(eq(smsMessages.userId, userId), eq(smsMessages.reason, 'quiet_hours'));
  await tx.execute(sql`
    with asked as (
      update sms_messages set send_after = ${timestamp(now)}
      where ${areWaiting(tx, mine)}
      returning id
    )
    select pg_notify(${outboxChannel}, '') from asked limit 1`);
}

/**
 * Has texts that are no codes be due now which wait for longer than anything is ever put off (`furthestPutOff`), `limit` at most: a
 * clock ahead wrote their moment, and was set right since. The send policy holds again whatever is not to go yet. Out: how many.
 */
export async function hastenTexts(db: Db, limit: number): Promise<number> {
  const { rows } = await db.execute(sql`
    with hastened as (
      update sms_messages set send_after = date_trunc('milliseconds', clock_timestamp())
      where id = any(array(
        select id from sms_messages
        where status = 'queued' and purpose <> 'verification' and send_after > now() + ${furthestPutOff}
        order by send_after limit ${limit} for update skip locked))
      returning id
    )
    select id, pg_notify(${outboxChannel}, '') from hastened`);
  return rows.length;
}

/**
 * The condition of an UPDATE of those texts that wait, of all that fit: it locks them as `lockInOrder` does. What fits is found
 * first, by an index of its own. Only then is it asked whether a text waits: the indexes of what waits hold next to nothing as
 * far as the planner knows, until it has looked at a queue again, and it would go through all of that for a single text.
 *
 * In: what an index finds, such as an id, a person or a number, and whatever else has to hold, but for the state.
 */
function areWaiting(tx: Tx, fits: SQL | undefined): SQL {
  const { id, status } = smsMessages;
  const stateOf = () => tx.select({ id, status }).from(smsMessages);
  return sql`${id} = any(array(
    with found as materialized (${stateOf().where(fits)}), locked as materialized (
      ${stateOf()
        .where(and(sql`${id} = any(array(select found.id from found where found.status = 'queued'))`, fits))
        .orderBy(id)
        .for('update')}
    )
    select locked.id from locked where locked.status = 'queued'))`;
}

/**
 * The condition of an UPDATE of several texts: it locks those that fit in the order of their ids, so that two statements that
 * meet in several texts cannot wait for each other, whatever way each finds them.
 */
export function lockInOrder(tx: Tx, fits: SQL | undefined): SQL {
  const locked = tx
    .select({ id: smsMessages.id })
    .from(smsMessages)
    .where(fits)
    .orderBy(smsMessages.id)
    .for('update');
  return sql`${smsMessages.id} = any(array ${locked})`;
}

export function at(instant: Date | null | undefined): SQL {
  return sql`${instant ? instant.toISOString() : null}::timestamptz`;
}
