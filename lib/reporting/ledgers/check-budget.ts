import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import { enteredPrefix } from '@/lib/sms/capacity/entered-sums';
import { kindIs, lookForDifferences, type Finds } from './look';

/** A statement is about so many minutes. */
const stepMs = 10 * 60_000;

/** Sums of minutes are kept for 25 hours, and counted for 24. */
const steps = (24 * 3600 * 1000) / stepMs;

/**
 * Compares each minute of the budget, for everyone and for each that a cap counts, with the prices that were reserved in it: ten
 * minutes a statement. Both are always written by one transaction, so they agree at every moment.
 *
 * What was entered of it (`countEnteredCodes`) is no price of its own, and is not compared.
 *
 * A text that was erased by its age has lost whom it counted for; of its ten minutes only everyone's sum is compared.
 */
export async function* checkBudget(db: Db, now: Date): Finds {
  const end = Math.floor(now.getTime() / stepMs) * stepMs + stepMs;
  for (let ago = steps; ago > 0; ago -= 1) {
    const from = timestamp(new Date(end - ago * stepMs));
    const to = timestamp(new Date(end - (ago - 1) * stepMs));
    yield await lookForDifferences(
      db,
      sql`
          with reserved as materialized (
            select date_trunc('minute', reserved_at) as minute, coalesce(spend_scopes, '{all}') as scopes, erased_at is not null as is_erased,
              (price * 1000000)::bigint as micros
            from sms_messages where price is not null and price <> 'NaN' and reserved_at >= ${from} and reserved_at < ${to}
          ), prices as (
            select scope, minute, sum(micros) as micros from reserved, unnest(scopes) scope where scope is not null group by 1, 2
          ), sums as (
            select scope, minute, micros from sms_spend
            where minute >= ${from} and minute < ${to} and not starts_with(scope, ${enteredPrefix})
          )
          select ${kindIs('budget_and_prices')}, to_char(minute at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || 'Z ' || case when scope = 'all'
            then 'all' else 'a share' end as example
          from prices full join sums using (scope, minute)
          where coalesce(prices.micros, 0) <> coalesce(sums.micros, 0)
            and (scope = 'all' or not exists (select from reserved where is_erased))`,
    );
  }
}
