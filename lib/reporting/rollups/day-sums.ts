import { sql, type SQL } from 'drizzle-orm';
import { timestamp } from '@/db/timestamp';
import { latencyBounds } from './latency';

/** A day of a report: from its first moment to the first of the next. */
export type DaySpan = { from: Date; to: Date; timeZone: string };

/** What a number is grouped by: `+1415` in the North American plan, else what begins with its calling code (`+44x`). */
const area = sql`case when phone = '' then 'erased' when phone like '+1%' then left(phone, 5) else left(phone, 4) end`;

const bounds = sql`array[${sql.raw(latencyBounds.join(','))}]::float8[]`;

/** How many there are in each class of latency. */
const latencies = sql`array[${sql.join(
  Array.from(
    { length: latencyBounds.length + 1 },
    (_, latency) => sql`count(*) filter (where latency = ${sql.raw(String(latency))})`,
  ),
  sql`, `,
)}]::int[]`;

/** From the request to the delivery; where quiet hours held it up, from its leaving. */
const seconds = sql`extract(epoch from delivered_at)::float8 - extract(epoch from case when held_at is null then created_at
  else least(coalesce(sent_at, delivered_at), delivered_at) end)::float8`;

/**
 * What became of the texts of one day, summed up from the single rows: as the columns of sms_rollups. Texts count when they
 * were asked for, money when it began to count against the budgets.
 */
export function sumTexts({ from, to, timeZone }: DaySpan): SQL {
  const hour = (moment: SQL) => sql`date_trunc('hour', ${moment}, ${timeZone})`;
  const counts = sql`count(*) as texts, coalesce(sum(segments), 0) as segments, count(sent_at) as sent,
    count(delivered_at) as delivered, count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'canceled') as canceled, count(held_at) as held`;
  const noMoney = sql`0 as settled_usd, 0 as reserved_usd, 0 as failed_usd`;
  const noCounts = sql`0, 0, 0, 0, 0, 0, 0`;
  const money = sql`coalesce(sum(price) filter (where price_settled_at is not null), 0),
    coalesce(sum(price) filter (where price_settled_at is null), 0),
    coalesce(sum(price) filter (where price_settled_at is not null and status = 'failed'), 0)`;
  return sql`
    with asked as materialized (
      select ${hour(sql`created_at`)} as hour, purpose, ${area} as area, coalesce(error_code::text, reason) as error,
        status, segments, sent_at, delivered_at, held_at,
        case when delivered_at is not null and direction = 'out' then width_bucket(${seconds}, ${bounds}) end as latency
      from sms_messages where created_at >= ${timestamp(from)} and created_at < ${timestamp(to)}
    ), paid as materialized (
      select ${hour(sql`reserved_at`)} as hour, purpose, ${area} as area, status, price, price_settled_at
      from sms_messages
      where price is not null and price <> 'NaN' and reserved_at >= ${timestamp(from)} and reserved_at < ${timestamp(to)}
    ), parts as (
      select case when grouping(hour) = 0 then 'hour' else 'purpose' end as kind, hour as at, purpose as key,
        ${counts}, ${noMoney}, ${latencies} as latencies
      from asked group by grouping sets ((hour, purpose), (purpose))
      union all
      select case when grouping(area) = 0 then 'area' else 'error' end, null, coalesce(area, error), ${counts}, ${noMoney}, '{}'
      from asked group by grouping sets ((area), (error)) having grouping(area) = 0 or error is not null
      union all
      select case when grouping(hour) = 0 then 'hour' when grouping(purpose) = 0 then 'purpose' else 'area' end, hour,
        coalesce(purpose, area), ${noCounts}, ${money}, '{}'
      from paid group by grouping sets ((hour, purpose), (purpose), (area))
    )
    select kind, coalesce(at, ${timestamp(from)}) as at, key, sum(texts)::bigint as texts, sum(segments)::bigint as segments,
      sum(sent)::bigint as sent, sum(delivered)::bigint as delivered, sum(failed)::bigint as failed,
      sum(canceled)::bigint as canceled, sum(held)::bigint as held, sum(settled_usd)::numeric(18, 6) as settled_usd,
      sum(reserved_usd)::numeric(18, 6) as reserved_usd, sum(failed_usd)::numeric(18, 6) as failed_usd,
      max(latencies) as latencies
    from parts group by 1, 2, 3`;
}

/** How often what is no text happened on one day: as the columns of event_rollups. */
export function sumEvents({ from, to }: DaySpan): SQL {
  const within = (moment: SQL) => sql`${moment} >= ${timestamp(from)} and ${moment} < ${timestamp(to)}`;
  return sql`
    with attempts as materialized (
      select event, reason, times from sms_verification_log where ${within(sql`at`)}
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
      where ${within(sql`sms_verifications.created_at`)}
    ), counted as (
      select 'funnel' as kind, key, times from funnel cross join lateral (values ('asked', asked), ('sent', sent),
        ('delivered', delivered), ('entered', entered), ('verified', verified)) step (key, times)
      union all
      select 'refusal', coalesce(reason, event), sum(times) from attempts where event <> 'wrong_code' group by 2
      union all
      select 'refusal', reason, count(*) from sms_messages
      where ${within(sql`created_at`)} and status in ('failed', 'canceled') and attempts = 0 and reason is not null group by 2
      union all
      select 'other', 'wrong_code', sum(times) from attempts where event = 'wrong_code'
      union all
      select 'other', 'registered', count(*) from audit_log where action = 'account_registered' and ${within(sql`at`)}
      union all
      select 'other', 'opted_out', count(*) from sms_opt_outs where act = 'opted_out' and ${within(sql`at`)}
    )
    select kind, ${timestamp(from)} as at, key, sum(times)::bigint as times from counted group by 1, 3 having sum(times) > 0`;
}
