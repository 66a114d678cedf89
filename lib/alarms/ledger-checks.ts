import { sql, type SQL } from 'drizzle-orm';
import type { LedgerDifference } from '@/db/schema/alarms';
import type { Db, Tx } from '@/db/client';
import { epochMs, timestamp } from '@/db/timestamp';
import { dayPrefix, differenceKinds, standingParts } from './ledger-kinds';

/** Whoever checks a part and dies, or cannot read it, holds it for so long: longer than any part takes. */
const leaseMs = 10 * 60_000;

/** What is further ahead was written by a clock that was wrong. */
const farAheadMs = 3600 * 1000;

/** A day that nobody could check for so long is summed up again all the same. */
const patienceMs = 6 * 3600 * 1000;

/** So many days are compared each night. */
export const nightlyDays = 35;

/** The part that a day is. */
export function dayPartOf(day: SQL): SQL {
  return sql`${dayPrefix}::text || to_char(${day}, 'YYYY-MM-DD')`;
}

/**
 * The right to check a part of the ledgers, if it was not checked since `notSince` and nobody has that right now. Out: a ticket; null:
 * it is not its turn. Without `noteLedgerPart` it is anyone's turn again after ten minutes.
 */
export async function claimLedgerPart(
  db: Db,
  part: string,
  { now, notSince }: { now: Date; notSince: Date },
): Promise<string | null> {
  const ahead = timestamp(new Date(now.getTime() + farAheadMs));
  const { rows } = await db.execute<{ ticket: string }>(sql`
    insert into ledger_checks as known (part, leased_until, unchecked_since)
    values (${part}, ${timestamp(new Date(now.getTime() + leaseMs))}, ${timestamp(now)})
    on conflict (part) do update set leased_until = excluded.leased_until,
      unchecked_since = least(known.unchecked_since, excluded.unchecked_since)
      where (known.checked_at is null or known.checked_at < ${timestamp(notSince)} or known.checked_at > ${ahead})
        and (known.leased_until is null or known.leased_until <= ${timestamp(now)} or known.leased_until > ${ahead})
    returning leased_until::text as ticket`);
  return rows[0]?.ticket ?? null;
}

/** Writes down what a check of a whole part found, unless someone else has the part by now. */
export async function noteLedgerPart(
  db: Db,
  part: string,
  { ticket, differences, now }: { ticket: string; differences: readonly LedgerDifference[]; now: Date },
): Promise<void> {
  const isFound = differences.length > 0;
  await db.execute(sql`
    update ledger_checks set checked_at = ${timestamp(now)}, leased_until = null, unchecked_since = null,
      differences = ${JSON.stringify(differences)}::jsonb,
      found_at = case when ${isFound} then coalesce(found_at, ${timestamp(now)}) end
    where part = ${part} and leased_until = ${ticket}::timestamptz`);
}

/** Adds what was found before a check failed to what is known of the part, which stays due. */
export async function keepLedgerFinds(
  db: Db | Tx,
  part: string,
  { differences, now }: { differences: readonly LedgerDifference[]; now: Date },
): Promise<void> {
  if (differences.length === 0) return;
  const kinds = differences.map(({ kind }) => kind);
  await db.execute(sql`
    update ledger_checks set found_at = coalesce(found_at, ${timestamp(now)}),
      differences = ${JSON.stringify(differences)}::jsonb || coalesce((
        select jsonb_agg(known) from jsonb_array_elements(differences) known
        where known ->> 'kind' <> all (${sql.param(kinds)}::text[])), '[]')
    where part = ${part}`);
}

/**
 * Whether nothing speaks against summing up again the day of a row of ledger_checks, which would hide what was changed by hand:
 * no sum of it differs, and it was checked since `since`, or for six hours nobody has managed to. What else is found is found again.
 */
export function mayBeSummedAgain(since: Date, now: Date): SQL {
  const [ahead, longAgo] = [farAheadMs, -patienceMs].map((ms) => timestamp(new Date(now.getTime() + ms)));
  return sql`(part is null or not jsonb_path_exists(differences, '$[*].kind ? (@ starts with "sums_")')
    and (checked_at between ${timestamp(since)} and ${ahead} or unchecked_since <= ${longAgo}))`;
}

/** A part in which the last check found something. */
export type DifferingPart = { part: string; foundAt: Date; differences: LedgerDifference[] };

export type LedgerState = {
  parts: DifferingPart[];
  /**
   * When that was checked which was checked longest ago, of the standing parts and the days of each night, or since when a day waits for
   * its first check; null: a standing part never was.
   */
  checkedAt: Date | null;
};

/** Reads what does not agree by the last checks, the newest find first, and how old the oldest check is. */
export async function readLedgerState(db: Db | Tx): Promise<LedgerState> {
  const { rows } = await db.execute<{
    checked_ms: number | null;
    part: string | null;
    found_ms: number;
    differences: unknown;
  }>(sql`
    with standing as (
      select case when bool_and(checked_at is not null) then ${epochMs(sql`min(checked_at)`)} end as checked_ms
      from (
        select checked_at from unnest(${sql.param([...standingParts])}::text[]) as names (part) left join ledger_checks using (part)
        union all
        select * from (select coalesce(checked_at, unchecked_since) from ledger_checks where part like ${`${dayPrefix}%`}
          order by part desc limit ${nightlyDays}) days
      ) parts
    )
    select checked_ms, part, (extract(epoch from found_at) * 1000)::float8 as found_ms, differences
    from standing left join ledger_checks on found_at is not null order by found_at desc, part desc`);
  const checkedMs = rows[0]?.checked_ms ?? null;
  return {
    parts: rows.flatMap(({ part, found_ms: ms, differences }) =>
      part === null ? [] : [{ part, foundAt: new Date(ms), differences: readDifferences(differences) }],
    ),
    checkedAt: checkedMs === null ? null : new Date(checkedMs),
  };
}

/** What a row holds that is a difference: whoever writes into it by hand takes neither a page nor an alarm down. */
function readDifferences(stored: unknown): LedgerDifference[] {
  const rows: unknown[] = Array.isArray(stored) ? stored : [];
  return rows.flatMap((row) => {
    const { kind, count, examples } = Object(row) as Partial<Record<keyof LedgerDifference, unknown>>;
    if (typeof kind !== 'string' || typeof count !== 'number') return [];
    return [{ kind, count, examples: Array.isArray(examples) ? examples.map(String) : [] }];
  });
}

/** How many differences there are of each kind; those of other releases' kinds only where there are any. */
export function countDifferences({ parts }: LedgerState): Record<string, number> {
  const counts: Record<string, number> = Object.fromEntries(differenceKinds.map((kind) => [kind, 0]));
  for (const { kind, count } of parts.flatMap(({ differences }) => differences)) {
    counts[kind] = (counts[kind] ?? 0) + count;
  }
  return counts;
}
