import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/**
 * Of a code that was entered, this part counts no more against its wide network: people who all come through one carrier use up a tenth
 * of what a crowd does that enters none. Not all of it, so that who owns many numbers does not take everything through one network.
 */
export const givenBackOnceEntered = { of: 10n, parts: 9n };

/** What the scopes begin with under which codes of a wide network are counted that were entered. */
export const enteredPrefix = 'entered:';

export function enteredScopeOf(wideNetwork: string): string {
  return `${enteredPrefix}${wideNetwork}`;
}

/** Of what was spent, what counts where so much of it was entered: never less than a tenth, whatever the sums say. */
export function countBeside(spentMicros: bigint, enteredMicros: bigint): bigint {
  const entered = enteredMicros < spentMicros ? enteredMicros : spentMicros;
  const counted = spentMicros - (entered * givenBackOnceEntered.parts) / givenBackOnceEntered.of;
  return entered > 0n ? counted : spentMicros;
}

/**
 * Writes down that a code was entered that a stranger had asked for: an INSERT for a statement that decides about the code, which so
 * neither takes longer nor waits for the sums that others hold. In: a query that has the `id` of what the code was for, and no row
 * where it was wrong. It counts from the next `countEnteredCodes` on.
 */
export function queueEnteredCode(entered: SQL): SQL {
  return sql`
    insert into sms_codes_to_count (challenge_id) select id from (${entered}) entered
    on conflict (challenge_id) do nothing`;
}

/** What a text really costs is known minutes later; where it is not after so long, what was reserved counts on. */
const priceWithinSeconds = 15 * 60;

/** No sum is near what PostgreSQL cannot count, and no name is too long for an index, but in a row that is broken: it is left out. */
const mostMicros = (10n ** 15n).toString();
const longestName = 200;

/**
 * Counts codes that were entered, `limit` at most, by what was reserved for each text that carried them, in the minute in which that
 * was. Each is counted once, by whichever process takes it. Out: how many were taken.
 */
export async function countEnteredCodes(db: Db, now: Date, limit: number): Promise<number> {
  const taken = sql`
    update sms_codes_to_count set counted_at = ${timestamp(now)} where challenge_id = any(array(
      select challenge_id from sms_codes_to_count where counted_at is null limit ${limit} for update skip locked))
    returning challenge_id`;
  return addToSums(db, { taken, price: sql`estimated_price` }, now);
}

/**
 * Corrects what was counted of codes, `limit` at most, once it is known what their texts cost: where the estimate is above that, what
 * was entered would make room for others, too. Out: how many were taken; nothing more is known of them.
 */
export async function settleEnteredCodes(db: Db, now: Date, limit: number): Promise<number> {
  const after = (seconds: number) => timestamp(new Date(now.getTime() + seconds * 1000));
  const taken = sql`
    delete from sms_codes_to_count where challenge_id = any(array(
      select challenge_id from sms_codes_to_count entered
      where counted_at is not null and (counted_at not between ${after(-priceWithinSeconds)} and ${after(60)} or (
        select count(*) from sms_messages text where text.challenge_id = entered.challenge_id
          and text.reserved_at is not null and text.price_settled_at is null) = 0)
      limit ${limit} for update skip locked))
    returning challenge_id`;
  return addToSums(db, { taken, price: sql`(price - estimated_price)` }, now);
}

async function addToSums(db: Db, { taken, price }: { taken: SQL; price: SQL }, now: Date): Promise<number> {
  const dayMs = 24 * 3600 * 1000;
  const { rows } = await db.execute<{ taken: number }>(sql`
    with taken as materialized (${taken}), spent as materialized (
      select ${enteredPrefix} || wide_network as scope, date_trunc('minute', reserved_at, 'UTC') as minute,
        sum(${price} * 1000000)::bigint as micros
      from sms_messages
      where challenge_id = any(array(select challenge_id from taken)) and wide_network = any(spend_scopes)
        and length(wide_network) <= ${longestName} and ${price} between -1000 and 1000
        and reserved_at between ${timestamp(new Date(now.getTime() - dayMs))} and ${timestamp(new Date(now.getTime() + dayMs))}
      group by 1, 2
    ), added as (
      insert into sms_spend (scope, minute, micros)
      select scope, minute, micros from spent where micros <> 0 order by scope, minute
      on conflict (scope, minute) do update set micros = sms_spend.micros + excluded.micros
        where sms_spend.micros between -${mostMicros}::bigint and ${mostMicros}::bigint
    )
    select count(*)::int as taken from taken`);
  return rows[0]!.taken;
}
