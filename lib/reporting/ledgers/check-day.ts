import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import type { ConsentScope } from '@/db/schema/consent';
import type { DifferenceKind } from '@/lib/alarms/ledger-kinds';
import { env } from '@/lib/env';
import { senderName } from '@/lib/sms/senders/sender';
import { failureFeeUsd } from '@/lib/sms/delivery/error-codes';
import {
  areaOf,
  countColumns,
  moneyColumns,
  hourOf,
  isWithinDay,
  spanOf,
  type DaySpan,
} from '../rollups/day-sums';
import { aheadOfSums } from '../rollups/roll-up';
import { monthOf, type ReportDay } from '../rollups/report-days';
import { kindIs, lookForDifferences, type Finds } from './look';
import { sendersOfEntry } from '@/lib/consent/opt-out-ledger';

/**
 * Compares a day that is over and summed up: its sums with its texts, with each other and with the opt-outs, and each text with what
 * it says itself, with the opt-outs of its number and with its person's consent. Each statement is over this day alone, or a quarter of it.
 *
 * What was told of a text after its day was summed up, or ten minutes before that, may be in the sums or not: of such texts only what
 * is possible is asked, and of all texts of a day that a clock ahead has summed up, until it is summed up again. Texts keep states, times and prices when they are erased, so age and the end of an account change nothing.
 */
export async function* checkDay(
  db: Db,
  day: ReportDay,
  { timeZone, now }: { timeZone: string; now: Date },
): Finds {
  const span = spanOf(day, timeZone);
  for (const which of [
    compareWithTexts(day, span, now),
    compareParts(span),
    ...(monthOf(day).first === day ? [compareMonth(day, timeZone)] : []),
    judgeTexts(span),
    ...quartersOf(span).map(judgeRights),
  ]) {
    yield await lookForDifferences(db, which);
  }
}

/** What is looked up for each text is read from everywhere on the disk: of a day with many texts, in one statement, for too long. */
function quartersOf(span: DaySpan): DaySpan[] {
  const [from, to] = [span.from.getTime(), span.to.getTime()];
  const at = (quarters: number) => new Date(from + Math.round(((to - from) * quarters) / 4));
  return [0, 1, 2, 3].map((n) => ({ ...span, from: at(n), to: at(n + 1) }));
}

/** Counts of texts that have to be between two others: `sure` of them, and as many as there are at most. */
function compareWithTexts(day: ReportDay, span: DaySpan, now: Date): SQL {
  const begins = sql`at >= ${span.from.toISOString()}::timestamptz and at < ${span.to.toISOString()}::timestamptz`;
  const isSure = (at: string) => sql.raw(`${at} <= sure_at`);
  const range = (name: string, sure: SQL, possible: SQL) =>
    sql`count(*) filter (where ${sure}) as ${sql.raw(`${name}_sure`)}, count(*) filter (where ${possible}) as ${sql.raw(`${name}_possible`)}`;
  const isEnded = sql`status in ('failed', 'canceled')`;
  const outside = (name: string) =>
    sql.raw(
      `coalesce(sums.${name}, 0) not between coalesce(${name}_sure, 0) and coalesce(${name}_possible, 0)`,
    );
  // Whether a text that came in was found late is known until it is erased by its age.
  const mayBeLate = sql`(details ? 'foundAt' or direction = 'in' and erased_at is not null)`;
  return sql`
    with rolled as materialized (
      select case when rolled_at > ${aheadOfSums(now)} then '-infinity' else rolled_at - interval '10 minutes' end as sure_at from rolled_days
      where day = ${day} and time_zone = ${span.timeZone} and summed_until is null
    ), asked as materialized (
      select ${hourOf(span, sql`created_at`)} as at, purpose as key, ${areaOf} as area,
        ${range('texts', sql`created_at <= sure_at and ${mayBeLate} is not true`, sql`true`)},
        ${range('sent', isSure('sent_at'), sql`sent_at is not null`)},
        ${range('delivered', isSure('delivered_at'), sql`delivered_at is not null`)},
        ${range('ended', sql`${isEnded} and failed_at <= sure_at`, sql`${isEnded} or delivered_at > sure_at or sent_at > sure_at`)},
        ${range('held', isSure('held_at'), sql`held_at is not null`)}
      from sms_messages, rolled where ${isWithinDay(span, sql`created_at`)} group by 1, 2, 3
    ), texts as (
      select at, key, ${sql.raw(
        ['texts', 'sent', 'delivered', 'ended', 'held']
          .flatMap((name) => [`${name}_sure`, `${name}_possible`])
          .map((name) => `sum(${name}) as ${name}`)
          .join(', '),
      )} from asked group by 1, 2
    ), paid as (
      select ${hourOf(span, sql`reserved_at`)} as at, purpose as key,
        coalesce(sum(price) filter (where price_settled_at <= sure_at), 0) as settled_usd_sure,
        coalesce(sum(price) filter (where price_settled_at is not null), 0) as settled_usd_possible
      from sms_messages, rolled
      where price is not null and price <> 'NaN' and ${isWithinDay(span, sql`reserved_at`)} group by 1, 2
    ), sums as (
      select at, key, texts, sent, delivered, failed + canceled as ended, held, settled_usd from sms_rollups, rolled
      where kind = 'hour' and ${begins}
    ), areas as (
      select area, sum(texts_sure) as texts from asked where area <> 'erased' group by 1
    ), opt_outs as (
      select count(*) filter (where coalesce(recorded_at, at) <= sure_at) as sure, count(*) as possible
      from sms_opt_outs, rolled where act = 'opted_out' and ${isWithinDay(span, sql`at`)}
    )
    select ${kindIs('sums_and_texts')}, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || 'Z ' || key as example
    from texts full join paid using (at, key) full join sums using (at, key)
    where ${sql.join(['texts', 'sent', 'delivered', 'ended', 'held', 'settled_usd'].map(outside), sql` or `)}
    union all
    select ${kindIs('sums_and_texts')}, 'area ' || area from areas
    left join sms_rollups sums on sums.kind = 'area' and key = area and at = ${span.from.toISOString()}::timestamptz
    where areas.texts > coalesce(sums.texts, 0)
    union all
    select ${kindIs('sums_and_opt_outs')}, ${day}::text from opt_outs, rolled
    where coalesce((select times from event_rollups where kind = 'other' and key = 'opted_out'
      and at = ${span.from.toISOString()}::timestamptz), 0) not between sure and possible`;
}

/** The figures of sums, or what they add up to. */
function sumsOf(which: '' | 'sum'): SQL {
  return sql.raw([...countColumns, ...moneyColumns].map((name) => `${which}(${name})`).join(', '));
}

/** The sums of the hours of a purpose are those of its day, and the sums of all areas those of all purposes. */
function compareParts(span: DaySpan): SQL {
  const ofDay = sql`at >= ${span.from.toISOString()}::timestamptz and at < ${span.to.toISOString()}::timestamptz`;
  return sql`
    with parts as materialized (
      select kind, case when kind = 'area' then '' else key end as key, array[${sumsOf('sum')}] as sums from sms_rollups
      where ${ofDay} and kind in ('hour', 'purpose', 'area') group by 1, 2
    ), whole as (
      select array_agg(total order by n) as sums from (
        select n, sum(value) as total from parts, unnest(sums) with ordinality each (value, n) where kind = 'purpose' group by n) totals
    ), classes as (
      select key, n, sum(value) filter (where kind = 'hour') as hours, sum(value) filter (where kind = 'purpose') as day
      from sms_rollups, unnest(latencies) with ordinality each (value, n)
      where ${ofDay} and kind in ('hour', 'purpose') group by 1, 2
    )
    select ${kindIs('sums_and_parts')}, key as example
    from (select key, sums from parts where kind = 'hour') hours full join (select key, sums from parts where kind = 'purpose') days using (key)
    where hours.sums is distinct from days.sums
    union all
    select distinct ${kindIs('sums_and_parts')}, key || ' (times)' from classes where coalesce(hours, 0) <> coalesce(day, 0)
    union all
    select ${kindIs('sums_and_parts')}, 'areas' from whole
    where sums is distinct from (select sums from parts where kind = 'area')`;
}

/** Where a month has sums of its own, they are those of its days; asked with its first day. */
function compareMonth(first: ReportDay, timeZone: string): SQL {
  const { from } = spanOf(first, timeZone);
  const { to } = spanOf(monthOf(first).last, timeZone);
  return sql`
    with months as materialized (
      select substr(kind, length('month_') + 1) as kind, key, array[${sumsOf('')}]::numeric[] as sums from sms_rollups
      where kind in ('month_area', 'month_error') and at = ${from.toISOString()}::timestamptz
    ), days as (
      select kind, key, array[${sumsOf('sum')}]::numeric[] as sums from sms_rollups
      where kind in ('area', 'error') and at >= ${from.toISOString()}::timestamptz and at < ${to.toISOString()}::timestamptz
        and exists (select from months)
      group by 1, 2
    )
    select ${kindIs('sums_and_parts')}, 'month ' || key as example from months full join days using (kind, key)
    where months.sums is distinct from days.sums`;
}

/** What a text says of itself. */
function judgeTexts(span: DaySpan): SQL {
  const isDelivered = sql`coalesce(provider_status in ('delivered', 'read'), false)`;
  const fits = sql.join(
    [
      sql`(status = 'received') = (direction = 'in')`,
      sql`direction = 'in' or (status = 'delivered') = ${isDelivered} and (status = 'delivered') = (delivered_at is not null)`,
      sql`provider_status is null or provider_status not in ('failed', 'undelivered', 'canceled') or status = 'failed'`,
      sql`status not in ('sent', 'delivered') or sent_at is not null`,
      sql`status in ('sent', 'delivered', 'failed') or sent_at is null`,
      sql`(status in ('failed', 'canceled')) = (failed_at is not null)`,
      sql`status not in ('sent', 'delivered') or attempts > 0 or purpose = 'reply'`,
      sql`price is null or price >= 0`,
      sql`price_settled_at is null or price is not null`,
      // Until the provider tells a price it is our estimate, or the fee for a text that failed.
      sql`price is null or price_settled_at is not null or price = estimated_price or price = ${failureFeeUsd}::numeric`,
    ].map((rule) => sql`(${rule})`),
    sql` and `,
  );
  return sql`
    select ${kindIs('text_contradicts_itself')}, id::text as example from sms_messages
    where ${isWithinDay(span, sql`created_at`)} and not (${fits})`;
}

/** A text that nobody had consented to, by the scope that it needs. */
const withoutConsent = {
  updates: 'update_without_consent',
  verification: 'code_without_consent',
} as const satisfies Record<ConsentScope, DifferenceKind>;

/**
 * The law lets no text go out after an opt-out, and no update and no code without consent: as it was known when the text's price was
 * reserved.
 *
 * Where one sender sends everything that once had another beside it for codes, a number may have stopped that one alone. A code from
 * the one that is left is no fault if it was consented to after that opt-out. Any other code is.
 */
function judgeRights(span: DaySpan): SQL {
  // What was said in the two minutes before may have come while the text was on its way.
  const before = sql`m.reserved_at - interval '2 minutes'`;
  // By clocks that differ, what allows a text may seem to have been said after it.
  const after = sql`m.reserved_at + interval '2 minutes'`;
  const isAbout = (entry: SQL) =>
    sql`case m.purpose when 'verification' then 'codes' else 'updates' end = any(${sendersOfEntry(entry)})`;
  const ofUpdates = senderName(env(), 'updates');
  return sql`
    with gone as materialized (
      select id, phone, user_id, purpose, sender, reserved_at,
        case purpose when 'update' then 'updates' when 'verification' then 'verification' end as scope from sms_messages
      where ${isWithinDay(span, sql`created_at`)} and direction = 'out' and purpose <> 'reply' and sent_at is not null
        and reserved_at is not null and phone <> ''
    )
    select ${kindIs('text_after_opt_out')}, m.id::text as example
    from gone m cross join lateral (
      select o.id, o.act, o.at, o.recorded_at from sms_opt_outs o
      where o.phone = m.phone and ${isAbout(sql`o`)} and o.at <= ${before} and coalesce(o.recorded_at, o.at) <= ${before}
      order by o.phone desc, o.at desc, o.id desc limit 1) last
    where last.act = 'opted_out' and not exists (
        -- What was heard at once was written down in its order, whatever clocks said, be they a day ahead. Else it counts by when it was
        -- said, by clocks that differ.
        select from sms_opt_outs o where o.phone = m.phone and ${isAbout(sql`o`)} and o.act = 'lifted' and coalesce(o.recorded_at, o.at) <= ${after}
          and o.at > last.at - interval '1 day' and case when o.recorded_at is null and last.recorded_at is null then o.id > last.id
            else o.at > last.at - interval '1 minute' and (o.id > last.id or last.recorded_at is not null) end)
      and not (last.recorded_at is not null and exists (
        -- A STOP that was found late is overtaken by a consent since.
        select from sms_consents c where c.phone = m.phone and c.action <> 'withdrawn' and c.at > last.at and c.at <= ${after}))
      and not (m.purpose = 'verification' and m.sender = ${ofUpdates} and exists (
        select from sms_consents c where c.phone = m.phone and c.user_id = m.user_id and c.scope = 'verification' and c.action = 'granted'
          and c.sent_from = ${ofUpdates} and c.at > last.at and c.at <= ${after})
        and coalesce((
          select o.act from sms_opt_outs o
          where o.phone = m.phone and 'updates' = any(${sendersOfEntry(sql`o`)}) and o.at <= ${before} and coalesce(o.recorded_at, o.at) <= ${before}
          order by o.phone desc, o.at desc, o.id desc limit 1) = 'lifted', false))
    union all
    select case m.scope when 'updates' then ${withoutConsent.updates}::text else ${withoutConsent.verification} end, m.id::text
    from gone m left join lateral (
      select c.action from sms_consents c
      where c.phone = m.phone and c.user_id = m.user_id and c.scope = m.scope and c.at <= ${before}
        -- One that withdraws for a STOP which was found later was not known.
        and not (c.action = 'withdrawn' and exists (select from sms_opt_outs o where o.phone = c.phone and o.at = c.at
          and o.recorded_at > ${before}))
      order by c.phone desc, c.user_id desc, c.scope desc, c.id desc limit 1) last on true
    where m.scope is not null and m.user_id is not null
      -- Codes count where consent to them had ended.
      and coalesce(last.action = 'withdrawn', m.scope = 'updates') and not exists (
      select from sms_consents c where c.phone = m.phone and c.user_id = m.user_id and c.scope = m.scope and c.action <> 'withdrawn'
        and c.at between ${before} and ${after})`;
}
