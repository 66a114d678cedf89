import { performance } from 'node:perf_hooks';
import { and, eq, sql, type SQL } from 'drizzle-orm';
import { smsMessages } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import type { SenderRole } from '@/db/schema/consent';
import type { Env } from '@/lib/env';
import { paceOf, sendersOf } from '@/lib/sms/senders/sender';
import type { Log } from '@/lib/log';
import { oneMore } from '@/db/one-more';
import { epochMs } from '@/db/timestamp';
import { shortestLifeSeconds } from './send-policy';
import { codesInLine, isOfRest, isOfStranger, ofManyInTurns } from '@/lib/sms/capacity/send-order';
import type { Message } from '@/lib/sms/outbox/text-outbox';
import type { Provider } from '@/lib/sms/provider/provider';
import type { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { isStopped, nextSlot, slotHorizonMs, slotSpacingMicros } from '@/lib/sms/capacity/send-rate';

/** No text is ever claimed for longer: the send policy, the slot, the call and its record fit with room to spare. */
const leaseMs = 12_000;

/** A text that waits because its sender rests says so again after this long. */
const heldBackForMs = 60_000;

/**
 * No lease and no call lies further ahead by the clock that wrote it. One that does comes from a clock that was set back
 * since, and is over.
 */
const furthestAheadMs = 60_000;

/** What a dispatcher works with. */
export type Work = {
  db: Db;
  env: Env;
  provider: Provider;
  /** Which of our senders the provider sends from: its texts are all that this dispatcher claims. */
  role: SenderRole;
  log: Log;
  /** How the database's clock stands to this process's ticks; each answer with its time tells more. */
  paceClock: PaceClock;
  /** For tests: what the dispatcher takes the database's clock to be ahead by. */
  clockOffsetMs: number;
};

/**
 * The time by the database's clock, carried on by our own clock's ticks since the question, so that a wrong clock of ours
 * changes nothing.
 */
export type DatabaseClock = () => Date;

/** A text in this dispatcher's hands until `lease`, the exact value of which is its ticket for writing what became of it. */
export type Held = { id: string; isCode: boolean; lease: Date; clock: DatabaseClock };

/** A text that this dispatcher has claimed, as it was when the send policy was asked. */
export type HeldText = { held: Held; message: Message };

/** What one look into the outbox found. */
export type Claim = {
  held: Held[];
  /** How many of them are codes of strangers. */
  strangers: number;
  /** More is due: beyond the room, without a place in the pace within reach, or in other hands just now. */
  isMore: boolean;
  /** The provider refuses the sender altogether: why; null: it does not. */
  stopped: string | null;
  /** It did, and nothing has gone through since. */
  wasStopped: boolean;
  /** How long until a slot of the sender's pace comes within reach; 0: one is. */
  slotInMs: number;
  /** How long until the next text becomes due by itself; null: none will. */
  dueInMs: number | null;
};

/** Of so many places, strangers' codes leave one to texts that are no codes, if any wait. */
const placesOfATurn = 4;

/**
 * How many places strangers' codes have had since the last one of others, after another claim; never more than the three that
 * they may have in a row, however long nobody else wanted one.
 */
export function countStrangers(
  before: number,
  { held, strangers }: Pick<Claim, 'held' | 'strangers'>,
): number {
  const others = held.filter(({ isCode }) => !isCode).length;
  const most = placesOfATurn - 1;
  return Math.min(most, Math.max(0, before + strangers - most * others));
}

/** Of the texts that are no codes, these go first: someone's account may be at stake, or someone waits for it. */
const isPrompt = sql`purpose in ('notice', 'reply', 'test')`;

/**
 * Claims due texts under a lease, codes first: one statement, by the database's clock. Where the pace is limited, only as
 * many as have a slot within reach are claimed, and codes in the order of their line; slots are taken later, when the
 * send policy has decided. Of what is no code, notices go before updates, and single updates before those of many that were wished
 * for at once, whose sources take turns. Codes of strangers leave one place in four to what is
 * no code, while any of that waits. So a crowd delays nobody's notice for long.
 *
 * In: `strangersBefore`, how many places strangers have had since the last one of others (`countStrangers`); `leadMs`, how long a
 * text takes from here to its call, by which slots come within reach sooner.
 */
export async function claimSends(
  work: Work,
  {
    room,
    roomForOthers,
    strangersBefore,
    leadMs,
  }: { room: number; roomForOthers: number; strangersBefore: number; leadMs: number },
): Promise<Claim> {
  const rate = paceOf(work.env, work.role);
  const ours = isOurs(work);
  const hasLine = rate !== null && sendsCodes(work);
  // Without a pace there are no slots to be early for.
  const reachMs = rate === null ? 0 : slotHorizonMs + leadMs;
  const askedMs = performance.now();
  const now = sql`(select now from clock)`;
  const codes = !hasLine
    ? sql`
        select id, ${isOfStranger} as is_stranger, send_after as place from sms_messages
        where status = 'queued' and purpose = 'verification' and ${ours} and send_after <= ${now}
        order by send_after limit (select n from room) for update skip locked`
    : sql`
        select id, ${isOfStranger} as is_stranger, array_position((select ids from front), id) as place from sms_messages
        where id = any((select ids from front)::uuid[]) and status = 'queued' and purpose = 'verification'
          and ${ours} and send_after <= ${now}
        order by array_position((select ids from front), id) limit (select n from room) for update skip locked`;
  const { rows } = await work.db.execute<{
    now_ms: number;
    lease_ms: number;
    stopped: string | null;
    was_stopped: boolean | null;
    slot_in_ms: number;
    codes: string[] | null;
    strangers: number;
    others: string[] | null;
    is_more: boolean;
    due_in_ms: number | null;
  }>(sql`
    with recursive clock as materialized (select ${clockNow(work)} as now),
    pace as materialized (
      select case when ${isStopped(sql`clock.now`)} then coalesce(stopped_reason, '') end as stopped,
        s.stopped_until is not null as was_stopped,
        greatest(0, coalesce(extract(epoch from ${nextSlot(rate)} - clock_timestamp()), 0) * 1000)::float8 as wait_ms
      from clock left join sms_senders s on s.sender = ${work.provider.sender}
    ), room as materialized (select ${slotsInReach({ rate, room, reachMs })} as n from pace),
    front as materialized (select ${hasLine ? frontOfLine(now) : sql`null::uuid[]`} as ids),
    waiting as materialized (${codes}),
    free as materialized (
      select n - (select count(*) from waiting where not is_stranger) as n from room
    ), prompt as materialized (
      select id, send_after from sms_messages
      where status = 'queued' and ${isPrompt} and send_after <= ${now}
      order by send_after limit (select greatest(0, least(n, ${roomForOthers}::int)) from free) for update skip locked
    ), later as materialized (
      select id, send_after from sms_messages
      where status = 'queued' and ${isOfRest} and source is null and send_after <= ${now}
      order by send_after
      limit (select greatest(0, least(n, ${roomForOthers}::int) - (select count(*) from prompt)) from free)
      for update skip locked
    ), ${ofManyInTurns(
      now,
      sql`(select greatest(0, least(n, ${roomForOthers}::int) - (select count(*) from prompt) - (select count(*) from later)) from free)`,
    )}, strangers as materialized (
      select id from waiting where is_stranger order by place
      limit (select greatest(0, n - least(
        (select count(*) from prompt) + (select count(*) from later) + (select count(*) from of_many),
        (n + ${strangersBefore}::int) / ${placesOfATurn}::int)) from free)
    ), codes as materialized (
      select id from waiting where not is_stranger union all select id from strangers
    ), others as materialized (
      select id from (
        select id, send_after, 0 as turn from prompt union all select id, send_after, 1 from later
        union all select id, send_after, 1 + turn from of_many
      ) each order by turn, send_after limit (select greatest(0, n - (select count(*) from strangers)) from free)
    ), claimed as (
      update sms_messages m
      set status = 'sending', sender = ${work.provider.sender}, lease_until = ${leaseEnd(now)},
        first_claimed_at = coalesce(first_claimed_at, ${now})
      where m.id in (select id from codes union all select id from others)
    )
    select ${epochMs(now)} as now_ms, ${epochMs(leaseEnd(now))} as lease_ms, stopped, was_stopped,
      greatest(0, wait_ms - ${reachMs}::float8) as slot_in_ms,
      (select array_agg(id) from codes)::text[] as codes, (select count(*)::int from strangers) as strangers,
      (select array_agg(id) from others)::text[] as others,
      (select id from sms_messages where status = 'queued' and ${ours} and send_after <= ${now}
        and id not in (select id from codes) and id not in (select id from others)
        order by send_after limit 1) is not null as is_more,
      (select extract(epoch from min(send_after) - ${now})::float8 * 1000 from sms_messages
        where status = 'queued' and ${ours} and send_after > ${now}) as due_in_ms
    from pace`);
  const row = rows[0]!;
  const clock = runClock(work, row.now_ms, askedMs);
  const lease = new Date(row.lease_ms);
  const hold = (isCode: boolean) => (id: string) => ({ id, isCode, lease, clock });
  return {
    held: [...(row.codes ?? []).map(hold(true)), ...(row.others ?? []).map(hold(false))],
    strangers: row.strangers,
    isMore: row.is_more,
    stopped: row.stopped,
    wasStopped: row.was_stopped === true,
    slotInMs: row.slot_in_ms,
    dueInMs: row.due_in_ms,
  };
}

function sendsCodes({ env, role }: Pick<Work, 'env' | 'role'>): boolean {
  return role === 'codes' || sendersOf(env).length === 1;
}

/** Whether a text is one of our sender's, as an expression over its row: where there is a second, codes are its and nothing else. */
export function isOurs({ env, role }: Pick<Work, 'env' | 'role'>): SQL {
  if (sendersOf(env).length === 1) return sql`true`;
  return role === 'codes' ? sql`purpose = 'verification'` : sql`purpose <> 'verification'`;
}

/** More than can be claimed at a time: some of them may be in other hands. */
const lookedAtInLine = 500;

/**
 * The ids of the codes that are next, as a list: to join the line with the table would read it for each row, where the planner
 * does not know yet how long it is.
 */
function frontOfLine(now: SQL): SQL {
  return sql`array(select id from (${codesInLine(now)}) line order by place limit ${lookedAtInLine})`;
}

function slotsInReach({ rate, room, reachMs }: { rate: number | null; room: number; reachMs: number }): SQL {
  const wanted = sql`${room}::int`;
  if (rate === null) return sql`case when stopped is null and wait_ms = 0 then ${wanted} else 0 end`;
  const reach = sql`(${reachMs}::float8 - wait_ms) * 1000 / ${slotSpacingMicros(rate)}::float8`;
  return sql`case when stopped is not null or wait_ms > ${reachMs}::float8 then 0
    else least(${wanted}, 1 + floor(${reach})::int) end`;
}

/**
 * While the provider refuses the sender altogether, due texts say why and wait until it may be tried again, and say so again
 * each minute. Codes that would come too late are claimed nevertheless: the send policy ends them without asking the provider.
 */
export async function holdBack(
  work: Work,
  { reason, room }: { reason: string; room: number },
): Promise<Held[]> {
  const askedMs = performance.now();
  const now = clockNow(work);
  const { sender } = work.provider;
  const { rows } = await work.db.execute<HeldRow>(sql`
    with clock as materialized (select ${now} as now)
    update sms_messages m set status = 'sending', sender = ${sender},
      lease_until = ${leaseEnd(sql`clock.now`)}, first_claimed_at = coalesce(first_claimed_at, clock.now)
    from clock where m.id in (
      select id from sms_messages
      where status = 'queued' and purpose = 'verification' and ${isOurs(work)} and send_after <= (select now from clock)
        and expires_at <= (select now from clock) + ${shortestLifeSeconds - 1}::float8 * interval '1 second'
      order by send_after limit ${room}::int for update skip locked
    )
    ${returningHeld}`);
  await work.db.execute(sql`
    with clock as materialized (select ${now} as now)
    update sms_messages m set reason = ${reason}, attempted_at = clock.now, faulted_at = clock.now,
      send_after = greatest(clock.now, least(
        clock.now + ${heldBackForMs}::float8 * interval '1 millisecond',
        (select stopped_until from sms_senders where sender = ${sender}),
        case when purpose = 'verification' then expires_at - ${shortestLifeSeconds - 1}::float8 * interval '1 second' end))
    from clock where id in (
      select id from sms_messages where status = 'queued' and ${isOurs(work)} and send_after <= (select now from clock)
      order by send_after limit 200 for update skip locked
    )`);
  return rows.map((row) => readHeld(work, row, askedMs));
}

/** What waits for a dispatcher, and when something will. */
type Look = {
  clock: DatabaseClock;
  /** Texts that a dispatcher held and did not call for before its lease ran out. */
  abandoned: boolean;
  lookUps: boolean;
  checks: boolean;
  /** How long until something becomes due, negative when it is; null: nothing will. */
  dueInMs: number | null;
};

/** Looks whether there is anything to do: one statement that changes nothing. */
export async function lookForWork(work: Work): Promise<Look> {
  const askedMs = performance.now();
  const { rows } = await work.db.execute<{
    now_ms: number;
    abandoned: boolean;
    look_ups: boolean;
    checks: boolean;
    due_in_ms: number | null;
  }>(sql`
    with clock as materialized (select ${clockNow(work)} as now)
    select ${epochMs(sql`clock.now`)} as now_ms,
      exists (select from sms_messages
        where status = 'sending' and unknown_since is null and ${isOver(sql`lease_until`, sql`clock.now`)}) as abandoned,
      exists (select from sms_messages where ${lookUpDue(work, sql`clock.now`)}) as look_ups,
      (select check_at from sms_messages where check_at <= clock.now and provider_sid is not null and ${isOurs(work)}
        order by check_at limit 1) is not null as checks,
      (extract(epoch from least(
        (select min(send_after) from sms_messages where status = 'queued' and ${isOurs(work)}),
        (select min(greatest(send_after, lease_until)) from sms_messages where status = 'sending' and ${isOurs(work)})
      ) - clock.now) * 1000)::float8 as due_in_ms
    from clock`);
  const row = rows[0]!;
  return {
    clock: runClock(work, row.now_ms, askedMs),
    abandoned: row.abandoned,
    lookUps: row.look_ups,
    checks: row.checks,
    dueInMs: row.due_in_ms,
  };
}

/** What a dead dispatcher had claimed but not called for goes back into the queue, unless someone else holds it just now. */
export async function releaseAbandoned(work: Work): Promise<void> {
  await work.db.execute(sql`
    update sms_messages set status = 'queued', lease_until = null
    where id = any(array(
      select id from sms_messages
      where status = 'sending' and unknown_since is null and ${isOver(sql`lease_until`, clockNow(work))}
      for update skip locked))`);
}

/** Claims texts whose outcome is unknown and may be asked for by now, codes first. */
export async function claimLookUps(work: Work, limit: number): Promise<Held[]> {
  const askedMs = performance.now();
  const { rows } = await work.db.execute<HeldRow>(sql`
    with clock as materialized (select ${clockNow(work)} as now)
    update sms_messages m set lease_until = ${leaseEnd(sql`clock.now`)}, look_ups = ${oneMore(sql`look_ups`)}
    from clock where m.id in (
      select id from sms_messages where ${lookUpDue(work, sql`(select now from clock)`)}
      order by (purpose = 'verification') desc, send_after limit ${limit}::int for update skip locked
    )
    ${returningHeld}`);
  return rows.map((row) => readHeld(work, row, askedMs));
}

/** What a statement that claims texts, with its time in `clock`, says of each. */
const returningHeld = sql`returning m.id, m.purpose = 'verification' as is_code, ${epochMs(sql`clock.now`)} as now_ms,
  ${epochMs(leaseEnd(sql`clock.now`))} as lease_ms`;

type HeldRow = { id: string; is_code: boolean; now_ms: number; lease_ms: number };

function readHeld(work: Work, { id, is_code, now_ms, lease_ms }: HeldRow, askedMs: number): Held {
  return { id, isCode: is_code, lease: new Date(lease_ms), clock: runClock(work, now_ms, askedMs) };
}

function lookUpDue(work: Work, now: SQL): SQL {
  const { provider } = work;
  const safe = sql`${provider.lookUpAfterMs}::float8 * interval '1 millisecond'`;
  return sql`status = 'sending' and ${isOurs(work)} and ${isOver(sql`unknown_since`, sql`${now} - ${safe}`)}
    and (lease_until is null or ${isOver(sql`lease_until`, now)}) and send_after <= ${now}`;
}

function isOver(moment: SQL, now: SQL): SQL {
  return sql`(${moment} <= ${now} or ${moment} > ${now} + ${furthestAheadMs}::float8 * interval '1 millisecond')`;
}

/** Only the dispatcher whose lease still holds may write what became of a text. */
export function isHeld({ id, lease }: Held) {
  return and(eq(smsMessages.id, id), eq(smsMessages.status, 'sending'), eq(smsMessages.leaseUntil, lease));
}

/** Whole milliseconds, so that what is written can be compared with what was read. */
function clockNow({ clockOffsetMs }: Work): SQL {
  return sql`date_trunc('milliseconds', clock_timestamp() + ${clockOffsetMs}::float8 * interval '1 millisecond')`;
}

function leaseEnd(now: SQL): SQL {
  return sql`(${now} + ${leaseMs}::float8 * interval '1 millisecond')`;
}

/** The database said its time at some moment after the question: this clock is ahead of it by the round trip at most. */
function runClock({ paceClock, clockOffsetMs }: Work, nowMs: number, askedMs: number): DatabaseClock {
  const databaseMs = nowMs - clockOffsetMs;
  // `clockNow` leaves out what is less than a millisecond.
  paceClock.learn({ databaseMs, blurMs: 1, askedMs, answeredMs: performance.now() });
  return () => new Date(Math.round(nowMs + Math.max(0, performance.now() - askedMs)));
}
