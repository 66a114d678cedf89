import { sql, type SQL } from 'drizzle-orm';
import type { SenderRole } from '@/db/schema/consent';
import type { Env } from '@/lib/env';
import { senderName, sendersOf } from '@/lib/sms/senders/sender';
import { smsSenders } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** A request may start this much after its slot; one that comes later takes another slot. */
export const slotToleranceMs = 20;

/** What the way to the provider may add between two requests without showing as a breach there. */
const slotGuardMs = 25;

/** Slots further ahead are left alone, so that a code asked for meanwhile is not behind texts that can wait. */
export const slotHorizonMs = 300;

/**
 * The distance of two slots, in whole microseconds. With starts up to the tolerance late, n slots still never fall within
 * less than a second, so that no rolling second holds more than `messagesPerSecond` starts. It uses 95.7 % of the pace.
 */
export function slotSpacingMicros(messagesPerSecond: number): number {
  return Math.ceil(((1000 + slotToleranceMs + slotGuardMs) * 1000) / messagesPerSecond);
}

/** No sender rests longer for the pace: longer than any pause that a provider names, or than two texts are apart. */
const longestPaceMs = 120_000;

/**
 * When the next slot begins, as an expression over a sender's row; where there is no pace, until when the provider asked to be
 * left alone. A moment further ahead than any that is ever written there comes from a clock that was set back since, and is not
 * believed.
 */
export function nextSlot(messagesPerSecond: number | null): SQL {
  const spacing = messagesPerSecond === null ? 0 : slotSpacingMicros(messagesPerSecond);
  const longest = longestPaceMs * 1000 + 2 * spacing;
  return sql`case when next_slot_at > clock_timestamp() + ${longest}::float8 * interval '1 microsecond'
    then clock_timestamp() else next_slot_at end`;
}

/** The longest rest of a sender that the provider refuses altogether, and some. */
const longestStopMs = 20 * 60_000;

/** Whether a sender rests at a moment, as an expression over its row; one that is said to rest for longer than any is not. */
export function isStopped(now: SQL): SQL {
  return sql`(stopped_until > ${now} and stopped_until < ${now} + ${longestStopMs}::float8 * interval '1 millisecond')`;
}

/** Makes a sender's row on its first use. */
export async function addSender(db: Db, sender: string): Promise<void> {
  await db.execute(sql`insert into sms_senders (sender, next_slot_at) values (${sender}, clock_timestamp())
    on conflict (sender) do nothing`);
}

/** A sender as it stands, by the database's clock: `restsUntil` null: it does not rest. Null: it was never used. */
export async function readSender(
  db: Db,
  sender: string,
): Promise<{ restsUntil: Date | null; reason: string | null } | null> {
  const { rows } = await db.execute<{ rests_until: string | null; reason: string | null }>(sql`
    select case when ${isStopped(sql`clock_timestamp()`)} then stopped_until end as rests_until, stopped_reason as reason
    from sms_senders where sender = ${sender}`);
  const row = rows[0];
  return row
    ? { restsUntil: row.rests_until === null ? null : new Date(row.rests_until), reason: row.reason }
    : null;
}

/** Each of our senders as it stands now (`readSender`). */
export type SendersNow = ReadonlyMap<SenderRole, Awaited<ReturnType<typeof readSender>>>;

export async function readSenders(db: Db, settings: Pick<Env, 'twilio'>): Promise<SendersNow> {
  const senders = sendersOf(settings).map(
    async (role) => [role, await readSender(db, senderName(settings, role))] as const,
  );
  return new Map(await Promise.all(senders));
}

/** Places in a sender's pace, in ms since 1970 by the database's clock, and what that said when they were taken. */
export type Slots = { atMs: number[]; nowMs: number };

/**
 * Takes the next slots of a sender, by the database's clock, so that several machines agree. None begins sooner than
 * `leadMs` from now: what it takes until its request can start. `inPlaceOf` is a slot that was taken before and missed: where
 * nobody has taken one after it, it is given back, so that who is late is the only one to wait.
 */
export async function takeSlots(
  tx: Tx | Db,
  {
    sender,
    messagesPerSecond,
    count,
    leadMs,
    inPlaceOf = null,
  }: { sender: string; messagesPerSecond: number; count: number; leadMs: number; inPlaceOf?: number | null },
): Promise<Slots> {
  const spacing = slotSpacingMicros(messagesPerSecond);
  const next = nextSlot(messagesPerSecond);
  const missed = sql`to_timestamp(${inPlaceOf}::float8 / 1000)`;
  const free =
    inPlaceOf === null
      ? next
      : sql`case when abs(extract(epoch from next_slot_at - ${missed}) * 1000000 - ${spacing}::int) <= 1
          then ${missed} else ${next} end`;
  const { rows } = await tx.execute<{ end_ms: number; now_ms: number }>(sql`
    update sms_senders
    set next_slot_at = greatest(${free}, clock_timestamp() + ${leadMs}::float8 * interval '1 millisecond')
      + ${count * spacing}::float8 * interval '1 microsecond'
    where sender = ${sender}
    returning (extract(epoch from next_slot_at) * 1000)::float8 as end_ms,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`);
  const { end_ms: endMs, now_ms: nowMs } = rows[0]!;
  return {
    atMs: Array.from({ length: count }, (_, index) => endMs - ((count - index) * spacing) / 1000),
    nowMs,
  };
}

/** Gives the last slots back in the transaction that took them, in which nothing was started. */
export async function releaseSlots(
  tx: Tx,
  { sender, messagesPerSecond, count }: { sender: string; messagesPerSecond: number; count: number },
): Promise<void> {
  await tx.execute(sql`
    update sms_senders
    set next_slot_at = next_slot_at - ${count * slotSpacingMicros(messagesPerSecond)}::float8 * interval '1 microsecond'
    where sender = ${sender}`);
}

/** Nothing goes out from this sender until then: the provider refuses it altogether. */
export async function stopSender(
  db: Db | Tx,
  { sender, until, reason }: { sender: string; until: Date; reason: string },
): Promise<void> {
  await db
    .insert(smsSenders)
    .values({ sender, nextSlotAt: until, stoppedUntil: until, stoppedReason: reason })
    .onConflictDoUpdate({
      target: smsSenders.sender,
      set: { stoppedUntil: until, stoppedReason: reason },
    });
}

/**
 * A text went through, so the sender is no longer stopped. That the provider accepted one proves its credentials; only a
 * delivery proves that carriers take what it sends.
 */
export async function resumeSender(
  db: Db | Tx,
  sender: string,
  proof: 'accepted' | 'delivered',
): Promise<void> {
  await db.execute(sql`update sms_senders set stopped_until = null, stopped_reason = null
    where sender = ${sender} and stopped_until is not null
      and (${proof === 'delivered'} or stopped_reason is distinct from 'sender_not_registered')`);
}

/** The provider asks for a slower pace: the next slot of this sender is not before `until`. */
export async function slowSender(
  db: Db | Tx,
  { sender, until }: { sender: string; until: Date },
): Promise<void> {
  const at = timestamp(until);
  await db
    .insert(smsSenders)
    .values({ sender, nextSlotAt: until })
    .onConflictDoUpdate({
      target: smsSenders.sender,
      set: { nextSlotAt: sql`greatest(${smsSenders.nextSlotAt}, ${at})` },
    });
}
