import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { limits } from '@/lib/rate-limits/limits';
import { closeScopes, type CountedScope } from './close-scopes';

/** When a code's time is over it is known whether it was entered; a transaction that writes one may take a minute. */
const settledAfterSeconds = limits.codeTtlSeconds + 60;

/** The best day of these decides how much is usual. */
const daysOfSums = 15;

/** No window that counts by network is longer. */
const hoursOfPairs = 26;

const progressName = 'codes';

/** What nobody has counted yet is read from there on; a table that was emptied is counted again. */
const noId = '00000000-0000-0000-0000-000000000000';

/**
 * Counts codes whose time is over, in the order of the outbox, and closes what has become too much: one transaction with the mark up
 * to which texts are counted, so that each counts once, whoever dies. One process at a time; another finds nothing to do.
 *
 * Out: how many texts were read, `limit` at most. The sums can be taken away at any time, with the mark: they are counted again.
 */
export async function countCodes(db: Db, now: Date, limit: number): Promise<number> {
  if (env().pumpingGuard === 'off') return 0;
  return db.transaction(async (tx) => {
    if (!(await holdProgress(tx, now))) return 0;
    const { read, scopes } = await countBatch(tx, now, limit);
    await closeScopes(tx, scopes, now);
    return read;
  });
}

/** Whether this transaction alone goes on with the counting. */
async function holdProgress(tx: Tx, now: Date): Promise<boolean> {
  const held = async () => {
    const { rowCount } = await tx.execute(
      sql`select from pumping_progress where name = ${progressName} for update skip locked`,
    );
    return rowCount === 1;
  };
  if (await held()) {
    await goBack(tx, now);
    return true;
  }
  const { rowCount } = await tx.execute(sql`
    insert into pumping_progress (name, at, id)
    values (${progressName}, ${timestamp(now)} - make_interval(days => ${daysOfSums}), ${noId})
    on conflict (name) do nothing`);
  return rowCount === 1;
}

/**
 * A mark ahead of now was left by a clock that was wrong, and nothing would be counted until then. Counting goes on from the last
 * hour of which something was counted, and that hour is counted once more; so are those that have not come.
 */
async function goBack(tx: Tx, now: Date): Promise<void> {
  const at = timestamp(now);
  const { rows } = await tx.execute<{ hour: string }>(sql`
    update pumping_progress set id = ${noId}, at = coalesce(
      (select max(hour) from pumping_sums where scope = 'all' and hour <= ${at}), ${at} - make_interval(days => ${daysOfSums}))
    where name = ${progressName} and at > ${at} returning at::text as hour`);
  if (rows[0] === undefined) return;
  await tx.execute(sql`delete from pumping_sums where hour >= ${rows[0].hour}::timestamptz`);
  await tx.execute(sql`delete from pumping_pairs where hour >= ${rows[0].hour}::timestamptz`);
}

/**
 * Adds the codes of the next texts to the sums, one statement. A code counts with its first text, in the hour in which that was asked
 * for, if any text of it was sent. One that another of the same person's to that number made up for counts nowhere; nor does one that
 * an order caught and that was sent all the same, since the guard is only recording: so what it records is what it would do.
 *
 * The number of an account that has ended meanwhile is gone from its texts, and its challenges are gone. The prefix that its price was
 * reserved in is not, and the log says whether a code was entered.
 */
async function countBatch(
  tx: Tx,
  now: Date,
  limit: number,
): Promise<{ read: number; scopes: CountedScope[] }> {
  const { rows } = await tx.execute<{
    read: number;
    scopes: { scope: string; hour: string }[] | null;
  }>(sql`
    with batch as materialized (
      select id, created_at, phone, purpose, direction, send_class, network, challenge_id, spend_scopes from sms_messages
      where (created_at, id) > (
          (select at from pumping_progress where name = ${progressName}),
          (select id from pumping_progress where name = ${progressName}))
        and created_at <= ${timestamp(now)} - make_interval(secs => ${settledAfterSeconds})
      order by created_at, id limit ${limit}
    ), entered as materialized (
      -- What an account that has ended leaves of its codes.
      select challenge_id from sms_verification_log where event = 'verified' and challenge_id is not null
        and at >= (select min(created_at) from batch)
        and at <= (select max(created_at) from batch) + make_interval(secs => ${settledAfterSeconds})
    ), codes as materialized (
      select date_trunc('hour', text.created_at, 'UTC') as hour, text.created_at, coalesce(text.network, '') as network,
        case when text.phone <> '' then 'prefix:' || left(text.phone, -4)
          else (select scope from unnest(text.spend_scopes) scope where scope like 'prefix:%' limit 1) end as prefix,
        (code.consumed_at is not null or code.id is null and text.challenge_id in (select challenge_id from entered)) as is_verified, code.user_id, code.phone, code.id as code_id
      from batch text left join sms_verifications code on code.id = text.challenge_id
      where text.purpose = 'verification' and text.direction = 'out' and coalesce(text.send_class, 'prove') = 'prove'
        and text.challenge_id is not null
        and not exists (select from sms_messages earlier
          where earlier.challenge_id = text.challenge_id and (earlier.created_at, earlier.id) < (text.created_at, text.id))
        and exists (select from sms_messages sent
          where sent.challenge_id = text.challenge_id and sent.sent_at is not null)
    ), judged as materialized (
      select hour, network, prefix, is_verified, user_id from codes
      where prefix is not null
        and (is_verified or not exists (select from sms_verifications other
          where other.user_id = codes.user_id and other.phone = codes.phone and other.consumed_at is not null
            and other.created_at > codes.created_at - interval '1 hour'))
        and (is_verified or not exists (select from pumping_orders caught
          where caught.scope in (codes.prefix, codes.network) and caught.kind in ('closed', 'blocked')
            and caught.begun_at <= codes.created_at and caught.ends_at > codes.created_at
            and coalesce(caught.ended_at, caught.ends_at) > codes.created_at))
    ), of_scopes as (
      select scope, hour, count(*) filter (where is_verified) as verified, count(*) filter (where not is_verified) as unverified
      from judged cross join lateral (
        select 'all' as scope union all select prefix union all select network where network <> '') scopes
      group by scope, hour
    ), summed as (
      insert into pumping_sums as sums (scope, hour, verified, unverified)
      select scope, hour, verified, unverified from of_scopes order by scope, hour
      on conflict (scope, hour) do update
        set verified = sums.verified + excluded.verified, unverified = sums.unverified + excluded.unverified
    ), paired as (
      insert into pumping_pairs as pairs (prefix, hour, network, unverified)
      select prefix, hour, network, count(*) from judged
      where not is_verified and hour > ${timestamp(now)} - make_interval(hours => ${hoursOfPairs})
      group by prefix, hour, network order by prefix, hour, network
      on conflict (prefix, hour, network) do update set unverified = pairs.unverified + excluded.unverified
    ), harmed as (
      update pumping_hits set verified_at = ${timestamp(now)}
      where verified_at is null and user_id in (select user_id from judged where is_verified)
    ), moved as (
      update pumping_progress set at = last.created_at, id = last.id
      from (select created_at, id from batch order by created_at desc, id desc limit 1) last where name = ${progressName}
    )
    select (select count(*)::int from batch) as read, (
      select jsonb_agg(jsonb_build_object('scope', scope, 'hour', hour)) from (
        select scope, max(hour) as hour from of_scopes where unverified > 0 and scope <> 'all' group by scope) newest) as scopes`);
  const { read, scopes } = rows[0]!;
  return { read, scopes: (scopes ?? []).map(({ scope, hour }) => ({ scope, hour: new Date(hour) })) };
}

/** Removes sums that no window reaches any more, `limit` of each table at most. Out: the most of one. */
export async function prunePumpingSums(db: Db, now: Date, limit: number): Promise<number> {
  const pairs = await db.execute(sql`
    delete from pumping_pairs where ctid = any(array(
      select ctid from pumping_pairs where hour <= ${timestamp(now)} - make_interval(hours => ${hoursOfPairs})
      order by hour limit ${limit} for update skip locked))`);
  const sums = await db.execute(sql`
    delete from pumping_sums where ctid = any(array(
      select ctid from pumping_sums where hour <= ${timestamp(now)} - make_interval(days => ${daysOfSums + 1})
      order by hour limit ${limit} for update skip locked))`);
  return Math.max(pairs.rowCount ?? 0, sums.rowCount ?? 0);
}
