import { sql, type SQL } from 'drizzle-orm';
import { timestamp } from '@/db/timestamp';
import { latencyBounds } from './latency';
import { addDays, startOf, type ReportDay } from './report-days';

/** The figures of sms_rollups that count texts, and those of money, in dollars. */
export const countColumns = ['texts', 'segments', 'sent', 'delivered', 'failed', 'canceled', 'held'] as const;
export const moneyColumns = ['settled_usd', 'reserved_usd', 'failed_usd'] as const;

/** From one moment to before another; what is counted in it stands at `startsAt`. */
type Stretch = { from: Date; to: Date; startsAt: Date };

/** A day of a report, or a part of it. */
export type DaySpan = Stretch & { timeZone: string };

/** A whole day: from its first moment to the first of the next. */
export function spanOf(day: ReportDay, timeZone: string): DaySpan {
  const from = startOf(day, timeZone);
  const to = startOf(addDays(day, 1), timeZone);
  return { from, to, startsAt: from, timeZone };
}

/** What a number is grouped by: `+1415` in the North American plan, else what begins with its calling code (`+44x`). */
export const areaOf = sql`case when phone = '' then 'erased' when phone like '+1%' then left(phone, 5) else left(phone, 4) end`;

const bounds = sql`array[${sql.raw(latencyBounds.map((seconds) => `'${seconds} seconds'`).join(','))}]::interval[]`;

/** How many of some counts are in each class of latency. */
const latencies = sql`array[${sql.join(
  Array.from(
    { length: latencyBounds.length + 1 },
    (_, latency) => sql`coalesce(sum(texts) filter (where latency = ${sql.raw(String(latency))}), 0)`,
  ),
  sql`, `,
)}]::int[]`;

/**
 * From the request to the delivery; where quiet hours held it up, from its leaving. Null where one of these moments is none
 * (`infinity`): there is no time between them.
 */
const took = sql`case when isfinite(delivered_at) then delivered_at - case when held_at is null then created_at
  else nullif(least(coalesce(sent_at, delivered_at), delivered_at), '-infinity') end end`;

/**
 * What became of the texts of one day, summed up from the single rows: as the columns of sms_rollups. Texts count when they
 * were asked for, money when it began to count against the budgets.
 */
export function sumTexts(day: DaySpan): SQL {
  const sums = sql.raw(
    [
      ...countColumns.map((name) => `sum(${name})::bigint as ${name}`),
      ...moneyColumns.map((name) => `sum(${name})::numeric(18, 6) as ${name}`),
    ].join(', '),
  );
  return sql`
    select kind, at, key, ${sums}, max(latencies) as latencies
    from (select * from (${sumAsked(day)}) asked union all select * from (${sumPaid(day)}) paid) parts group by 1, 2, 3`;
}

/** The part of these sums that counts texts, in the same columns. */
export function sumAsked(day: DaySpan): SQL {
  const sums = sql.raw(countColumns.map((name) => `sum(${name}) as ${name}`).join(', '));
  // Each text is looked at once for each way to group it; the classes of latency are spread out over what that leaves.
  return sql`
    with asked as materialized (
      select ${hourOf(day, sql`created_at`)} as hour, purpose, ${areaOf} as area, coalesce(error_code::text, ${keyOf(sql`reason`)}) as error,
        status, segments, sent_at, delivered_at, held_at,
        case when delivered_at is not null and direction = 'out' then width_bucket(${took}, ${bounds}) end as latency
      from sms_messages where ${isWithinDay(day, sql`created_at`)}
    ), counted as materialized (
      select case when grouping(hour) = 0 then 'hour' when grouping(area) = 0 then 'area' else 'error' end as kind, hour,
        purpose, latency, area, error, count(*) as texts, coalesce(sum(segments), 0) as segments, count(sent_at) as sent,
        count(delivered_at) as delivered, count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'canceled') as canceled, count(held_at) as held
      from asked group by grouping sets ((hour, purpose, latency), (area), (error))
    )
    select case when grouping(hour) = 0 then 'hour' else 'purpose' end as kind, coalesce(hour, ${timestamp(day.startsAt)}) as at,
      purpose as key, ${sums}, ${noMoney}, ${latencies} as latencies
    from counted where kind = 'hour' group by grouping sets ((hour, purpose), (purpose))
    union all
    select kind, ${timestamp(day.startsAt)}, coalesce(area, error), ${sql.raw(countColumns.join(', '))}, ${noMoney}, '{}'
    from counted where kind = 'area' or kind = 'error' and error is not null`;
}

/** The part of these sums that counts money, in the same columns. */
export function sumPaid(day: DaySpan): SQL {
  return sql`
    with paid as materialized (
      select ${hourOf(day, sql`reserved_at`)} as hour, purpose, ${areaOf} as area, status, price, price_settled_at
      from sms_messages where price is not null and price <> 'NaN' and ${isWithinDay(day, sql`reserved_at`)}
    )
    select case when grouping(hour) = 0 then 'hour' when grouping(purpose) = 0 then 'purpose' else 'area' end as kind,
      coalesce(hour, ${timestamp(day.startsAt)}) as at, coalesce(purpose, area) as key, 0 as texts, 0 as segments, 0 as sent,
      0 as delivered, 0 as failed, 0 as canceled, 0 as held,
      coalesce(sum(price) filter (where price_settled_at is not null), 0) as settled_usd,
      coalesce(sum(price) filter (where price_settled_at is null), 0) as reserved_usd,
      coalesce(sum(price) filter (where price_settled_at is not null and status = 'failed'), 0) as failed_usd,
      '{}'::int[] as latencies
    from paid group by grouping sets ((hour, purpose), (purpose), (area))`;
}

const noMoney = sql`0 as settled_usd, 0 as reserved_usd, 0 as failed_usd`;

/** A reason as the key of a sum: a long one, which no version of ours writes, would not fit the index and stop the sums of its day. */
const keyOf = (reason: SQL) => sql`left(${reason}, 100)`;

/** The hour that a moment of the day is in. Hours are counted from its start, so that none is lost where clocks change by half of one. */
export function hourOf({ startsAt }: DaySpan, moment: SQL): SQL {
  return sql`date_bin('1 hour', ${moment}, ${timestamp(startsAt)})`;
}

export function isWithinDay({ from, to }: Pick<Stretch, 'from' | 'to'>, moment: SQL): SQL {
  return sql`${moment} >= ${timestamp(from)} and ${moment} < ${timestamp(to)}`;
}

/** How often what is no text happened on one day: as the columns of event_rollups. */
export function sumEvents(day: Stretch): SQL {
  const { from, to, startsAt } = day;
  return sql`
    with attempts as materialized (
      select event, reason, times from sms_verification_log where ${isWithinDay(day, sql`at`)}
        and event in ('send_refused', 'check_refused', 'wrong_code')
    ), codes as (
      select challenge_id, bool_or(sent_at is not null) as sent, bool_or(delivered_at is not null) as delivered
      from sms_messages
      where created_at >= ${timestamp(from)} and created_at < ${timestamp(to)} + interval '1 hour' and challenge_id is not null
      group by challenge_id
    ), funnel as (
      select count(*) as asked, count(*) filter (where sent) as sent,
        count(*) filter (where sent and delivered) as delivered,
        count(*) filter (where wrong_tries > 0 or consumed_at is not null) as entered,
        count(consumed_at) as verified
      from sms_verifications left join codes on codes.challenge_id = sms_verifications.id
      where ${isWithinDay(day, sql`sms_verifications.created_at`)}
    ), counted as (
      select 'funnel' as kind, key, times from funnel cross join lateral (values ('asked', asked), ('sent', sent),
        ('delivered', delivered), ('entered', entered), ('verified', verified)) step (key, times)
      union all
      select 'refusal', coalesce(${keyOf(sql`reason`)}, event), sum(times) from attempts where event <> 'wrong_code' group by 2
      union all
      select 'refusal', ${keyOf(sql`reason`)}, count(*) from sms_messages
      where ${isWithinDay(day, sql`created_at`)} and status in ('failed', 'canceled') and attempts = 0 and reason is not null group by 2
      union all
      select 'other', 'wrong_code', sum(times) from attempts where event = 'wrong_code'
      union all
      select 'other', 'registered', count(*) from audit_log where action = 'account_registered' and ${isWithinDay(day, sql`at`)}
      union all
      select 'other', 'opted_out', count(*) from sms_opt_outs where act = 'opted_out' and ${isWithinDay(day, sql`at`)}
    )
    select kind, ${timestamp(startsAt)} as at, key, sum(times)::bigint as times from counted group by 1, 3 having sum(times) > 0`;
}
