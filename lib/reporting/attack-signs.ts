import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { limits } from '@/lib/rate-limits/limits';
import { shareBudget, sumSpend } from '@/lib/sms/capacity/budget';

/** What someone who has us text numbers for their own good cannot hide, in the hour before now. */
export type AttackSigns = {
  /** Codes to prove a number that were asked for, and the mean of this hour on the seven days before. */
  asked: { count: number; usual: number };
  /** Of codes that could be entered for as long as they hold, in the hour before those still open: how many nobody entered. */
  unentered: { asked: number; never: number };
  /** Of the last hour's requests for a code, granted or not, those from the network, and to the prefix, with the most. */
  topNetwork: TopSource | null;
  topPrefix: TopSource | null;
  /** How often each rule refused a code, the most frequent first. */
  refusals: { reason: string; times: number }[];
  /** What strangers' codes spent in 24 hours of what they may, in millionths of a dollar. */
  strangers: { spentMicros: number; limitMicros: number };
};

/** `name`: of a network a keyed mark, of a prefix its digits. `count` of `all` requests. */
export type TopSource = { name: string; count: number; all: number };

/** Of codes, and of requests, no more than these are looked at, the newest. */
export const mostCodesSeen = 500;
const mostRequestsSeen = 1_000;

const hourMs = 3600 * 1000;

/** Reads it in three statements, which read no more where there are more rows. */
export async function readAttackSigns(db: Db, now: Date): Promise<AttackSigns> {
  const [codes, requests, spent] = await Promise.all([
    readCodes(db, now),
    readRequests(db, now),
    sumSpend(db, 'strangers', now),
  ]);
  const { strangersMicros } = shareBudget(BigInt(env().smsDailyBudgetMicros));
  return {
    ...codes,
    ...requests,
    strangers: { spentMicros: Number(spent), limitMicros: Number(strangersMicros) },
  };
}

async function readCodes(db: Db, now: Date): Promise<Pick<AttackSigns, 'asked' | 'unentered'>> {
  const ago = (ms: number) => timestamp(new Date(now.getTime() - ms));
  const open = limits.codeTtlSeconds * 1000;
  const newest = sql`order by created_at desc limit ${mostCodesSeen}`;
  const { rows } = await db.execute<{ asked: number; usual: number; over: number; never: number }>(sql`
    with by_day as (
      select day, count(codes.at)::int as asked from generate_series(0, 7) day left join lateral (
        select created_at as at from sms_verifications
        where created_at > ${ago(hourMs)} - day * interval '24 hours' and created_at <= ${timestamp(now)} - day * interval '24 hours'
        ${newest}) codes on true
      group by day
    ), over as (
      select wrong_tries = 0 and consumed_at is null as is_never from sms_verifications
      where created_at > ${ago(open + hourMs)} and created_at <= ${ago(open)} ${newest}
    )
    select (select asked from by_day where day = 0) as asked,
      (select avg(asked)::float8 from by_day where day > 0) as usual,
      (select count(*)::int from over) as over, (select count(*)::int from over where is_never) as never`);
  const { asked, usual, over, never } = rows[0]!;
  return { asked: { count: asked, usual }, unentered: { asked: over, never } };
}

async function readRequests(
  db: Db,
  now: Date,
): Promise<Pick<AttackSigns, 'topNetwork' | 'topPrefix' | 'refusals'>> {
  const ago = (hours: number) => timestamp(new Date(now.getTime() - hours * hourMs));
  // Refusals of one kind, number and clock hour are one row, at the moment of the first.
  const { rows } = await db.execute<{ kind: string; name: string; times: number; of_all: number }>(sql`
    with requests as materialized (
      select event, reason, network, left(phone, -4) as prefix, times from sms_verification_log
      where at > ${ago(2)} and at <= ${timestamp(now)} and coalesce(last_at, at) > ${ago(1)}
        and event in ('send_requested', 'send_refused')
      order by at desc, id desc limit ${mostRequestsSeen}
    ), sources as (
      select 'network' as kind, network as name, sum(times) as times from requests where network is not null group by network
      union all
      select 'prefix', prefix, sum(times) from requests where prefix <> '' group by prefix
    ), tops as (
      select distinct on (kind) kind, name, times, sum(times) over (partition by kind) as of_all from sources
      order by kind, times desc, name
    )
    select kind, name, times::float8, of_all::float8 from tops
    union all
    select 'refusal', reason, sum(times)::float8, 0 from requests where event = 'send_refused' and reason is not null
    group by reason`);
  const top = (kind: string): TopSource | null => {
    const row = rows.find((each) => each.kind === kind);
    return row ? { name: row.name, count: row.times, all: row.of_all } : null;
  };
  return {
    topNetwork: top('network'),
    topPrefix: top('prefix'),
    refusals: rows
      .filter(({ kind }) => kind === 'refusal')
      .map(({ name: reason, times }) => ({ reason, times }))
      .sort((a, b) => b.times - a.times),
  };
}
