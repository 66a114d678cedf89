import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** Whatever is counted at a number counts for a day; days here are whole ones in UTC. */
const keptDays = 2;

/**
 * Removes the rows of numbers of which there is nothing to know any more, `limit` at most: nobody has proven them, they have not opted
 * out, and nothing happened at them for two days, or only by a clock that was far ahead. Whoever enters such a number next makes its row
 * again. One that others have locked is left to the next round. Out: how many.
 */
export async function forgetNumbers(db: Db, now: Date, limit: number): Promise<number> {
  const today = sql`(${timestamp(now)} at time zone 'UTC')::date`;
  const saysNothing = sql`holder_user_id is null and suppressed_at is null`;
  // The row is also what the rest of a STOP is found by.
  const isNeeded = sql`exists (select from sms_unfinished_stops s where s.phone = number)`;
  const isOld = sql`last_act_on < ${today} - ${keptDays}::int`;
  // By whichever clock is later: a slow one of ours would take today for that.
  const isAhead = sql`last_act_on > (greatest(${timestamp(now)}, clock_timestamp()) at time zone 'UTC')::date + ${keptDays}::int`;
  const { rowCount } = await db.execute(sql`
    delete from phone_numbers where number = any(array(
      select number from phone_numbers
      where number = any(array(
          (select number from phone_numbers where ${saysNothing} and ${isOld} limit ${limit})
          union all (select number from phone_numbers where ${saysNothing} and ${isAhead} limit ${limit})
          limit ${limit}))
        and ${saysNothing} and (${isOld} or ${isAhead}) and not ${isNeeded}
      for update skip locked))`);
  return rowCount ?? 0;
}
