import { sql } from 'drizzle-orm';
import { smsSenders } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';

/** A request may start this much after its slot; one that comes later takes another slot. */
export const slotToleranceMs = 75;

/** What the way to the provider may add between two requests without showing as a breach there. */
const slotGuardMs = 25;

/** Slots further ahead are left alone, so that a code asked for meanwhile is not behind texts that can wait. */
export const slotHorizonMs = 300;

/**
 * The distance of two slots, in whole microseconds. With starts up to the tolerance late, n slots still never fall within
 * less than a second, so that no rolling second holds more than `messagesPerSecond` starts.
 */
export function slotSpacingMicros(messagesPerSecond: number): number {
  return Math.ceil(((1000 + slotToleranceMs + slotGuardMs) * 1000) / messagesPerSecond);
}

/** A sender as its row, now locked, says: stopped, or free to start its next text after `waitMs`. */
export type SenderPace = { stopped: string | null; waitMs: number };

/** Locks a sender's row, made on first use: claims over all processes pass here one after another. */
export async function lockSender(tx: Tx, sender: string, now: Date): Promise<SenderPace> {
  const read = () =>
    tx.execute<{ stopped: string | null; wait_ms: number }>(sql`
      select case when stopped_until > ${now.toISOString()}::timestamptz then coalesce(stopped_reason, '') end as stopped,
             greatest(0, extract(epoch from next_slot_at - clock_timestamp()) * 1000)::float8 as wait_ms
      from sms_senders where sender = ${sender} for update`);
  let { rows } = await read();
  if (rows.length === 0) {
    await tx.execute(sql`insert into sms_senders (sender, next_slot_at) values (${sender}, clock_timestamp())
      on conflict (sender) do nothing`);
    ({ rows } = await read());
  }
  return { stopped: rows[0]!.stopped, waitMs: rows[0]!.wait_ms };
}

/** How many slots of a locked sender lie within reach, at most `wanted`. */
export function countSlots(pace: SenderPace, messagesPerSecond: number, wanted: number): number {
  if (pace.waitMs > slotHorizonMs) return 0;
  return Math.min(
    wanted,
    1 + Math.floor(((slotHorizonMs - pace.waitMs) * 1000) / slotSpacingMicros(messagesPerSecond)),
  );
}

/** A place in a sender's pace. */
export type Slot = {
  /** How long after the question its moment comes, by the database's clock. */
  waitMs: number;
  /** Where the sender's next slot begins after this one, in microseconds since 1970: the ticket for giving it back. */
  endsAtMicros: string;
};

/** Takes the next slots of a sender, by the database's clock, so that several machines agree. */
export async function takeSlots(
  tx: Tx | Db,
  { sender, messagesPerSecond, count }: { sender: string; messagesPerSecond: number; count: number },
): Promise<Slot[]> {
  const spacing = slotSpacingMicros(messagesPerSecond);
  const { rows } = await tx.execute<{ ends_at: string; wait_ms: number }>(sql`
    update sms_senders
    set next_slot_at = greatest(next_slot_at, clock_timestamp()) + ${count * spacing}::float8 * interval '1 microsecond'
    where sender = ${sender}
    returning (extract(epoch from next_slot_at) * 1000000)::bigint::text as ends_at,
              (extract(epoch from next_slot_at - clock_timestamp()) * 1000)::float8 as wait_ms`);
  const { ends_at: lastEndsAt, wait_ms: untilEndMs } = rows[0]!;
  return Array.from({ length: count }, (_, index) => ({
    waitMs: Math.max(0, untilEndMs - ((count - index) * spacing) / 1000),
    endsAtMicros: String(BigInt(lastEndsAt) - BigInt((count - 1 - index) * spacing)),
  }));
}

/**
 * Gives a slot back in which nothing was started, if no later one was taken since: so texts that a gate holds back cost
 * those behind them no time.
 */
export async function giveBackSlot(
  db: Db,
  { sender, messagesPerSecond, slot }: { sender: string; messagesPerSecond: number; slot: Slot },
): Promise<void> {
  await db.execute(sql`
    update sms_senders
    set next_slot_at = next_slot_at - ${slotSpacingMicros(messagesPerSecond)}::float8 * interval '1 microsecond'
    where sender = ${sender} and (extract(epoch from next_slot_at) * 1000000)::bigint = ${slot.endsAtMicros}::bigint`);
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
  const at = sql`${until.toISOString()}::timestamptz`;
  await db
    .insert(smsSenders)
    .values({ sender, nextSlotAt: until })
    .onConflictDoUpdate({
      target: smsSenders.sender,
      set: { nextSlotAt: sql`greatest(${smsSenders.nextSlotAt}, ${at})` },
    });
}
