import { sql } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { newId } from '@/lib/random';
import { nearEnd } from './orders';
import { closureHours, countsFrom, judgeCounts, mostOfANetwork, type ScopeCounts } from './closing-rule';

/** A scope in which a code was not entered, and the last hour in which one was asked for. */
export type CountedScope = { scope: string; hour: Date };

const hourMs = 3_600_000;

/** What is known late, since nobody counted for a while, closes nothing. */
const lateAfterMs = 3 * hourMs;

type LastClosure = { begunAt: Date; endsAt: Date; endedAt: Date | null };

/**
 * Closes each of these scopes of which too much was not entered (`judgeCounts`), unless it is closed already, or an admin blocked or
 * allowed it. In the transaction that counted, which nobody else does meanwhile. Two statements, and one more where something closes.
 */
export async function closeScopes(tx: Tx, scopes: readonly CountedScope[], now: Date): Promise<void> {
  const fresh = scopes.filter(({ hour }) => now.getTime() - hour.getTime() < lateAfterMs);
  if (fresh.length === 0) return;
  const last = await readLastClosures(tx, fresh, now);
  const asked = fresh.flatMap(({ scope, hour }) => {
    const { closure, isOrdered } = last.get(scope) ?? { closure: null, isOrdered: false };
    return isOrdered ? [] : [{ scope, hour, from: countsFrom(closure), closure }];
  });
  if (asked.length === 0) return;
  const counts = await readScopeCounts(tx, asked);
  const closed = asked.flatMap(({ scope, closure }) => {
    const of = counts.get(scope)!;
    const verdict = judgeCounts(scope.startsWith('prefix:') ? 'prefix' : 'network', of);
    if (verdict === null) return [];
    const isHour = verdict.window === 'hour';
    const hours = closureHours(closure?.endedAt ? null : closure, now);
    return [
      {
        id: newId(),
        scope,
        ends: new Date(now.getTime() + hours * hourMs).toISOString(),
        figures: {
          ...verdict,
          networks: isHour ? of.networksHour : of.networksDay,
          verified: isHour ? of.verifiedHour : of.verifiedDay,
        },
      },
    ];
  });
  if (closed.length === 0) return;
  await tx.execute(sql`
    insert into pumping_orders (id, kind, scope, begun_at, ends_at, figures)
    select id, 'closed', scope, ${timestamp(now)}, ends, figures
    from jsonb_to_recordset(${JSON.stringify(closed)}::jsonb) as closed (id uuid, scope text, ends timestamptz, figures jsonb)`);
}

/** The last closure of each scope, and whether any order holds for it right now; one that a clock ahead gave has not begun. */
async function readLastClosures(
  tx: Tx,
  scopes: readonly CountedScope[],
  now: Date,
): Promise<Map<string, { closure: LastClosure | null; isOrdered: boolean }>> {
  const { rows } = await tx.execute<{
    scope: string;
    begun_ms: number | null;
    ends_ms: number | null;
    ended_ms: number | null;
    is_ordered: boolean;
  }>(sql`
    select asked.scope, (extract(epoch from last.begun_at) * 1000)::float8 as begun_ms,
      (extract(epoch from ${nearEnd(sql`last.ends_at`)}) * 1000)::float8 as ends_ms, (extract(epoch from last.ended_at) * 1000)::float8 as ended_ms,
      exists (select from pumping_orders held
        where held.scope = asked.scope and held.begun_at <= ${timestamp(now)} and held.ends_at > ${timestamp(now)}
          and held.ended_at is null) as is_ordered
    from unnest(${sql.param(scopes.map(({ scope }) => scope))}::text[]) asked (scope)
    left join lateral (
      select begun_at, ends_at, ended_at from pumping_orders closure
      where closure.scope = asked.scope and closure.kind = 'closed' and closure.begun_at <= ${timestamp(now)}
        and closure.ends_at > ${timestamp(now)} - interval '2 days'
      order by closure.ends_at desc limit 1) last on true`);
  const instant = (ms: number) => new Date(ms);
  return new Map(
    rows.map(({ scope, begun_ms: begun, ends_ms: ends, ended_ms: ended, is_ordered: isOrdered }) => [
      scope,
      {
        isOrdered,
        closure:
          begun === null || ends === null
            ? null
            : {
                begunAt: instant(begun),
                endsAt: instant(ends),
                endedAt: ended === null ? null : instant(ended),
              },
      },
    ]),
  );
}

/**
 * Reads what was counted about scopes as of an hour each; of what was not entered, only from `from` on (null: all of it). One
 * statement, whatever their number.
 */
export async function readScopeCounts(
  tx: Tx | Db,
  scopes: readonly { scope: string; hour: Date; from: Date | null }[],
): Promise<Map<string, ScopeCounts>> {
  const asked = scopes.map(({ scope, hour, from }) => ({
    scope,
    hour: hour.toISOString(),
    since: from?.toISOString() ?? '-infinity',
  }));
  const ofHour = sql`hour = asked.hour`;
  const ofDay = sql`hour > asked.hour - interval '24 hours' and hour <= asked.hour`;
  const { rows } = await tx.execute<{ scope: string } & Record<keyof ScopeCounts, number>>(sql`
    select asked.scope, sums."verifiedHour", sums."verifiedDay", best."bestDay",
      case when asked.is_prefix then pairs."unverifiedHour" else sums."unverifiedHour" end as "unverifiedHour",
      case when asked.is_prefix then pairs."unverifiedDay" else sums."unverifiedDay" end as "unverifiedDay",
      case when asked.is_prefix then pairs."networksHour" else 1 end as "networksHour",
      case when asked.is_prefix then pairs."networksDay" else 1 end as "networksDay"
    from (
      select scope, hour, since, scope like 'prefix:%' as is_prefix
      from jsonb_to_recordset(${JSON.stringify(asked)}::jsonb) as asked (scope text, hour timestamptz, since timestamptz)
    ) asked
    cross join lateral (
      select coalesce(sum(verified) filter (where ${ofHour}), 0)::int as "verifiedHour",
        coalesce(sum(verified), 0)::int as "verifiedDay",
        coalesce(sum(unverified) filter (where ${ofHour} and hour >= asked.since), 0)::int as "unverifiedHour",
        coalesce(sum(unverified) filter (where hour >= asked.since), 0)::int as "unverifiedDay"
      from pumping_sums where scope = asked.scope and ${ofDay}
    ) sums
    cross join lateral (
      select coalesce(max(verified), 0)::int as "bestDay" from (
        select sum(verified) as verified from pumping_sums
        where scope = asked.scope and hour <= asked.hour and hour >= date_trunc('day', asked.hour, 'UTC') - interval '13 days'
        group by date_trunc('day', hour, 'UTC')) days
    ) best
    cross join lateral (
      select coalesce(sum(least(${mostOfANetwork}, of_hour)), 0)::int as "unverifiedHour",
        coalesce(sum(least(${mostOfANetwork}, of_day)), 0)::int as "unverifiedDay",
        count(*) filter (where of_hour > 0)::int as "networksHour", count(*)::int as "networksDay"
      from (
        select coalesce(sum(unverified) filter (where ${ofHour}), 0) as of_hour, sum(unverified) as of_day
        from pumping_pairs where prefix = asked.scope and ${ofDay} and hour >= asked.since
        group by network) networks
    ) pairs`);
  return new Map(rows.map(({ scope, ...counts }) => [scope, counts]));
}
