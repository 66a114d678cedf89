import { performance } from 'node:perf_hooks';
import { and, eq, inArray, isNull, sql, type SQL } from 'drizzle-orm';
import { smsMessages } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import type { Env } from '@/lib/env';
import type { Log } from '@/lib/log';
import { shortestLifeSeconds } from './gates';
import type { Message } from './outbox';
import type { Provider } from './provider';
import { countSlots, lockSender, slotHorizonMs, takeSlots, type Slot } from './senders';

/** Nothing is ever in hand for longer: the slot, the gates, the call and its record fit with room to spare. */
const leaseMs = 12_000;

/** Without a notification, new work is found this soon. */
export const pollMs = 1_000;
export const busyRestMs = 50;

/** What a dispatcher works with, and what it has in hand. */
export type Work = {
  db: Db;
  env: Env;
  provider: Provider;
  log: Log;
  sends: Map<string, Promise<void>>;
  codesInFlight: { count: number };
  lookUps: Map<string, Promise<void>>;
};

/** A text in this dispatcher's hands until `lease`. */
export type Claimed = { message: Message; lease: Date; slot: Slot | null; askedAtMs: number };

/** Puts back what failed on our own side before its call was begun. */
export async function releaseUncalled(db: Db, { message, lease }: Claimed): Promise<void> {
  await db
    .update(smsMessages)
    .set({ status: 'queued', leaseUntil: null })
    .where(and(held(message, lease), isNull(smsMessages.unknownSince)));
}

/** What a dead dispatcher had claimed but not called for goes back into the queue. */
export async function releaseUnsent(db: Db, now: Date): Promise<void> {
  await db
    .update(smsMessages)
    .set({ status: 'queued', leaseUntil: null })
    .where(
      and(
        eq(smsMessages.status, 'sending'),
        isNull(smsMessages.unknownSince),
        sql`${smsMessages.leaseUntil} < ${at(now)}`,
      ),
    );
}

/**
 * Claims due texts, codes first, each with a slot of its sender where the pace is limited.
 *
 * @returns `retryInMs` when texts are due that may not start yet; null otherwise
 */
export async function claimSends(
  { db, env, provider }: Work,
  { now, room, roomForOthers }: { now: Date; room: number; roomForOthers: number },
): Promise<{ claimed: Claimed[]; retryInMs: number | null }> {
  const codes = sql`status = 'queued' and direction = 'out' and purpose = 'verification' and send_after <= ${at(now)}`;
  const others = sql`status = 'queued' and direction = 'out' and purpose <> 'verification' and send_after <= ${at(now)}`;
  if (room <= 0) return { claimed: [], retryInMs: pollMs };
  const waiting = await db.execute(sql`
    (select 1 from sms_messages where ${codes} limit 1)
    union all (select 1 from sms_messages where ${others} and ${roomForOthers > 0} limit 1)`);
  if (waiting.rows.length === 0) return { claimed: [], retryInMs: null };

  const { sender } = provider;
  const rate = env.smsMessagesPerSecond;
  const lease = new Date(now.getTime() + leaseMs);
  const askedAtMs = performance.now();
  return db.transaction(async (tx) => {
    const pace = await lockSender(tx, sender, now);
    let chosen: string[] = [];
    if (pace.stopped === null) {
      const slotsInReach = rate === null ? room : countSlots(pace, rate, room);
      if (slotsInReach === 0)
        return { claimed: [], retryInMs: Math.max(1, pace.waitMs - slotHorizonMs * 0.8) };
      chosen = await lockDue(tx, codes, slotsInReach);
      const left = Math.min(slotsInReach - chosen.length, roomForOthers);
      if (left > 0) chosen.push(...(await lockDue(tx, others, left)));
    } else {
      await markHeldBack(tx, sql`((${codes}) or (${others}))`, { reason: pace.stopped, now });
      // The gates end these without asking the provider.
      const dead = new Date(now.getTime() + (shortestLifeSeconds - 1) * 1000);
      chosen = await lockDue(tx, sql`${codes} and expires_at <= ${at(dead)}`, room);
    }
    if (chosen.length === 0) return { claimed: [], retryInMs: pace.stopped === null ? busyRestMs : pollMs };
    const slots =
      rate === null || pace.stopped !== null
        ? []
        : await takeSlots(tx, { sender, messagesPerSecond: rate, count: chosen.length });
    const rows = await tx
      .update(smsMessages)
      .set({
        status: 'sending',
        sender,
        leaseUntil: lease,
        firstClaimedAt: sql`coalesce(${smsMessages.firstClaimedAt}, ${at(now)})`,
      })
      .where(inArray(smsMessages.id, chosen))
      .returning();
    const byId = new Map(rows.map((row) => [row.id, row]));
    const claimed = chosen.map((id, index) => ({
      message: byId.get(id)!,
      lease,
      slot: slots[index] ?? null,
      askedAtMs,
    }));
    return { claimed, retryInMs: null };
  });
}

async function lockDue(tx: Tx, due: SQL, limit: number): Promise<string[]> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id from sms_messages where ${due} order by send_after limit ${limit} for update skip locked`);
  return rows.map(({ id }) => id);
}

/** A sender that the provider refuses altogether: its due texts wait, and say why. */
async function markHeldBack(tx: Tx, due: SQL, { reason, now }: { reason: string; now: Date }): Promise<void> {
  const stale = new Date(now.getTime() - 60_000);
  await tx.execute(sql`
    update sms_messages set reason = ${reason}, attempted_at = ${at(now)}, faulted_at = ${at(now)}
    where id in (
      select id from sms_messages
      where ${due} and (reason is distinct from ${reason} or attempted_at is null or attempted_at < ${at(stale)})
      limit 200 for update skip locked
    )`);
}

/** Claims texts whose outcome is unknown and may be asked for by now, codes first. */
export async function claimLookUps(
  db: Db,
  provider: Provider,
  { now, limit }: { now: Date; limit: number },
): Promise<Claimed[]> {
  const lease = new Date(now.getTime() + leaseMs);
  const safeMs = provider.lookUpAfterMs;
  const rows = await db
    .update(smsMessages)
    .set({ leaseUntil: lease, lookUps: sql`${smsMessages.lookUps} + 1` })
    .where(
      sql`${smsMessages.id} in (
        select id from sms_messages
        where status = 'sending' and unknown_since <= ${at(new Date(now.getTime() - safeMs))}
          and (lease_until is null or lease_until < ${at(now)}) and send_after <= ${at(now)}
        order by (purpose = 'verification') desc, send_after limit ${limit} for update skip locked)`,
    )
    .returning();
  return rows.map((message) => ({ message, lease, slot: null, askedAtMs: performance.now() }));
}

/** How long until something becomes due by itself, in ms, negative when it is; null: nothing will. */
export async function readNextDue(db: Db, now: Date): Promise<number | null> {
  const { rows } = await db.execute<{ due_in_ms: number | null }>(sql`
    select (extract(epoch from least(
      (select min(send_after) from sms_messages where status = 'queued'),
      (select min(greatest(send_after, lease_until)) from sms_messages where status = 'sending')
    ) - ${at(now)}) * 1000)::float8 as due_in_ms`);
  return rows[0]?.due_in_ms ?? null;
}

/** Only the dispatcher whose lease stands may write an outcome. */
export function held(message: Message, lease: Date) {
  return and(
    eq(smsMessages.id, message.id),
    eq(smsMessages.status, 'sending'),
    eq(smsMessages.leaseUntil, lease),
  );
}

function at(instant: Date): SQL {
  return sql`${instant.toISOString()}::timestamptz`;
}
