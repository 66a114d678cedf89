import { sql } from 'drizzle-orm';
import type { LedgerDifference } from '@/db/schema/alarms';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import {
  claimLedgerPart,
  dayPartOf,
  keepLedgerFinds,
  nightlyDays,
  noteLedgerPart,
} from '@/lib/alarms/ledger-checks';
import { dayPrefix, standingParts } from '@/lib/alarms/ledger-kinds';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { addDays, dayOf, readReportDay, startOf } from '../rollups/report-days';
import { checkBudget } from './check-budget';
import { checkConsents, checkNumbers, checkOptOuts } from './check-numbers';
import { checkDay } from './check-day';
import { checkWordings } from './check-wordings';
import { addDifferences, type Finds } from './look';

const dayMs = 24 * 3600 * 1000;

/** What is older than the days of each night is compared once in so many. */
const olderEveryDays = 14;

/**
 * Checks the parts of the ledgers that are due: each once a night over all processes, the newest days first, and last the days of more than
 * five weeks ago, once in two weeks; `limit` parts at most. A part
 * that cannot be read (a locked table, a statement that takes too long) is logged, holds up no other, and is tried again after ten
 * minutes, as is one whose process was killed. Out: how many were checked.
 */
export async function checkLedgers(db: Db, now: Date, limit: number): Promise<number> {
  let checked = 0;
  for (const { part, notSince } of await listDueParts(db, now)) {
    if (checked === limit) break;
    if ((await checkPart(db, part, { now, notSince })) === 'checked') checked += 1;
  }
  return checked;
}

/** Every part, whenever it was checked last; for whoever does not want to wait for the night. `say` gets what each came to. */
export async function checkAllLedgers(
  db: Db,
  now: Date,
  say: (part: string, came: LedgerDifference[] | 'not_read' | 'taken') => void,
): Promise<void> {
  for (const part of await listParts(db, now)) {
    let found: LedgerDifference[] = [];
    const came = await checkPart(db, part, {
      now,
      notSince: new Date(now.getTime() + dayMs),
      hear: (differences) => (found = differences),
    });
    say(part, came === 'checked' ? found : came);
  }
}

/** Checks one part and writes down what it found. `taken`: someone else does it right now, or did lately. */
async function checkPart(
  db: Db,
  part: string,
  {
    now,
    notSince,
    hear = () => undefined,
  }: { now: Date; notSince: Date; hear?: (found: LedgerDifference[]) => void },
): Promise<'checked' | 'not_read' | 'taken'> {
  const found: LedgerDifference[] = [];
  const log = (differences: LedgerDifference[]) => {
    for (const { kind, count } of differences) openLog().error('ledgers_differ', { part, kind, count });
    return differences;
  };
  try {
    const ticket = await claimLedgerPart(db, part, { now, notSince });
    if (ticket === null) return 'taken';
    try {
      for await (const some of compare(db, part, now)) found.push(...some);
    } catch (error) {
      await keepLedgerFinds(db, part, { differences: log(addDifferences(found)), now });
      throw error;
    }
    const differences = log(addDifferences(found));
    await noteLedgerPart(db, part, { ticket, differences, now });
    hear(differences);
    return 'checked';
  } catch (error) {
    openLog().warn('ledger_part_not_checked', { part, error });
    return 'not_read';
  }
}

function compare(db: Db, part: string, now: Date): Finds {
  switch (part) {
    case 'budget':
      return checkBudget(db, now);
    case 'numbers':
      return checkNumbers(db);
    case 'opt_outs':
      return checkOptOuts(db);
    case 'consents':
      return checkConsents(db);
    case 'wordings':
      return checkWordings(db);
  }
  const day = readReportDay(part.slice(dayPrefix.length));
  if (day === null) throw new Error(`No part of the ledgers is called ${part}`);
  return checkDay(db, day, { timeZone: env().reportTimeZone, now });
}

/** Days that are over and summed up in the reports' zone, the newest first. */
function wholeDays(today: string) {
  return sql`select ${dayPartOf(sql`day`)} as part, day from rolled_days
    where time_zone = ${env().reportTimeZone} and summed_until is null and day < ${today}::date`;
}

async function listParts(db: Db, now: Date): Promise<string[]> {
  const { rows } = await db.execute<{ part: string }>(
    sql`${wholeDays(dayOf(now, env().reportTimeZone))} order by day desc`,
  );
  return [...rows.map(({ part }) => part), ...standingParts];
}

async function listDueParts(db: Db, now: Date): Promise<{ part: string; notSince: Date }[]> {
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const tonight = startOf(today, timeZone);
  // What is further ahead was written by a clock that was wrong.
  const ahead = timestamp(new Date(now.getTime() + 3600 * 1000));
  const older = new Date(tonight.getTime() - (olderEveryDays - 1) * dayMs);
  const { rows } = await db.execute<{ part: string; is_nightly: boolean }>(sql`
    select part, is_nightly from (
      select part, day, day is null or day >= ${addDays(today, -nightlyDays)}::date or found_at is not null as is_nightly,
        checked_at, leased_until
      from (${wholeDays(today)} union all select part, null from unnest(${sql.param([...standingParts])}::text[]) standing (part)) parts
      left join ledger_checks using (part)
    ) known
    where (checked_at is null or checked_at > ${ahead} or checked_at < case when is_nightly then ${timestamp(tonight)} else ${timestamp(older)} end)
      and (leased_until is null or leased_until <= ${timestamp(now)} or leased_until > ${ahead})
    order by is_nightly desc, day desc nulls last, part`);
  return rows.map(({ part, is_nightly: isNightly }) => ({ part, notSince: isNightly ? tonight : older }));
}
