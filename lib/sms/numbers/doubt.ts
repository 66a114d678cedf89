import { sql, type SQL } from 'drizzle-orm';
import type { SendClass } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { NumberRow } from './number';

/** A number whose texts found nobody so often, without a delivery or a right code in between, is in doubt. */
const mostDeadTexts = 3;

/** Why it is in doubt whether someone still has the number that they proved. */
export type Doubt =
  /** A carrier listed it as taken out of service for this day (`YYYY-MM-DD`). The person may only have changed carriers. */
  | { reason: 'out_of_service'; on: string }
  /** Texts found nobody there on three days of thirty; `since`: the last of them. */
  | { reason: 'dead_number'; since: Date };

/** The doubt about a number; null: there is none, or nobody holds it, and so nothing is sent there but codes. */
export function readDoubt(
  number: Pick<NumberRow, 'holderUserId' | 'outOfServiceOn' | 'deadTexts'> | null,
): Doubt | null {
  if (number === null || number.holderUserId === null) return null;
  const { outOfServiceOn: on, deadTexts } = number;
  if (on !== null) return { reason: 'out_of_service', on };
  return deadTexts.length < mostDeadTexts ? null : { reason: 'dead_number', since: deadTexts.at(-1)! };
}

/** What a right code for something else than its proof changes in the row of its number: the assignments of an UPDATE. */
export function provenAgain(now: Date): SQL {
  return sql`proven_again_at = ${timestamp(now)}, out_of_service_on = null, dead_texts = '{}'`;
}

/** The rows of `phone_numbers` that a list of a day says something new of: see `markOutOfService`. */
const isListed = (phones: readonly string[], day: string) => sql`
  number = any(${sql.param([...phones])}::text[]) and holder_user_id is not null
    and coalesce(out_of_service_on < ${day}::date, true)
    and coalesce((greatest(held_since, proven_again_at) at time zone 'UTC')::date <= ${day}::date, true)`;

/** Which of these numbers `markOutOfService` would mark. `isNew`: no list says so yet. */
export async function findOutOfService(
  db: Db,
  phones: readonly string[],
  day: string,
): Promise<{ phone: string; isNew: boolean }[]> {
  const { rows } = await db.execute<{ number: string; is_new: boolean }>(sql`
    select number, out_of_service_on is null as is_new from phone_numbers where ${isListed(phones, day)}`);
  return rows.map((row) => ({ phone: row.number, isNew: row.is_new }));
}

/** How many numbers an account holds: goes through all of them, so it is asked seldom. */
export async function countHeldNumbers(db: Db): Promise<number> {
  const { rows } = await db.execute<{ held: number }>(sql`
    select count(*)::int as held from phone_numbers where holder_user_id is not null`);
  return rows[0]!.held;
}

/**
 * Marks those of these numbers that an account holds as taken out of service on a day (`YYYY-MM-DD`), unless a right code was entered
 * there after that day, in UTC; one statement. Marking twice changes nothing more. Out: how many are in doubt by it that were not.
 */
export async function markOutOfService(db: Db, phones: readonly string[], day: string): Promise<number> {
  const { rows } = await db.execute<{ was_out: boolean }>(sql`
    with listed as materialized (
      select number, out_of_service_on from phone_numbers
      where ${isListed(phones, day)}
      order by number for no key update
    )
    update phone_numbers n set out_of_service_on = ${day}::date
    from listed where n.number = listed.number
    returning listed.out_of_service_on is not null as was_out`);
  return rows.filter((row) => !row.was_out).length;
}

/** Texts that anyone can have sent to a number say nothing here: who asks for codes to someone's phone at night casts no doubt on it. */
const holdersClasses: readonly (SendClass | null)[] = ['sign_in', 'prove_again'];

/**
 * Counts a text that found nobody at the number of who holds it, and who it was for. One text and its repetitions fail within a day,
 * and count once; what is older than thirty days counts no more, unless the number is in doubt by it already. One more is kept than it
 * takes, since the last may have been delivered after all.
 */
export async function countDeadText(
  tx: Tx,
  {
    phone,
    userId,
    purpose,
    sendClass,
    at,
  }: { phone: string; userId: string | null; purpose: string; sendClass: SendClass | null; at: Date },
): Promise<void> {
  if (userId === null || (purpose === 'verification' && !holdersClasses.includes(sendClass))) return;
  await tx.execute(sql`
    update phone_numbers
    set dead_texts = (
      select array_agg(found order by found) from (
        select found from unnest(dead_texts || ${timestamp(at)}) found
        where found > ${timestamp(at)} - interval '30 days' or cardinality(dead_texts) >= ${mostDeadTexts}::int
        order by found desc limit ${mostDeadTexts + 1}) last)
    where number = ${phone} and holder_user_id = ${userId}
      and coalesce(dead_texts[cardinality(dead_texts)] <= ${timestamp(at)} - interval '1 day', true)`);
}

/**
 * A text was delivered: the number works. Once it is in doubt, that says nothing about who has it. `failedAt`: when the same text was
 * said to have failed before, which was wrong, and so casts no doubt; null: it was not.
 */
export async function forgetDeadTexts(tx: Tx, phone: string, failedAt: Date | null): Promise<void> {
  const others =
    failedAt === null ? sql`dead_texts` : sql`array_remove(dead_texts, ${timestamp(failedAt)}::timestamptz)`;
  await tx.execute(sql`
    update phone_numbers
    set dead_texts = case when cardinality(${others}) < ${mostDeadTexts}::int then '{}' else ${others} end
    where number = ${phone} and dead_texts <> '{}'`);
}
