import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';

/** What texts cost on one day of UTC. Dollars are exact decimals, as text. */
export type SpendRow = {
  texts: number;
  segments: number;
  /** What the provider has reported. */
  settledUsd: string;
  /** What is reserved for texts whose price is not reported yet. */
  estimatedUsd: string;
};

export type SmsSpend = {
  /** Newest first, each day once, also those without a text. */
  days: ({ day: string } & SpendRow)[];
  total: SpendRow;
};

const dayMs = 24 * 3600 * 1000;
const nothing: SpendRow = { texts: 0, segments: 0, settledUsd: '0', estimatedUsd: '0' };

/**
 * Adds up what texts cost on each of the last `days` days of UTC, today included. A text counts on the day on which its
 * price began to count against the budgets, so the sums are those that the budgets see; what was never sent has no price.
 */
export async function readSmsSpend(db: Db, { days, now }: { days: number; now: Date }): Promise<SmsSpend> {
  const dayNames = Array.from({ length: days }, (_, back) =>
    new Date(now.getTime() - back * dayMs).toISOString().slice(0, 10),
  );
  const { rows } = await db.execute<{
    day: string | null;
    texts: number;
    segments: number;
    settled: string;
    estimated: string;
  }>(sql`
    select to_char(day, 'YYYY-MM-DD') as day, texts, segments, settled, estimated from (
      select date_trunc('day', reserved_at at time zone 'UTC') as day,
        count(*)::int as texts,
        coalesce(sum(segments), 0)::float8 as segments,
        coalesce(sum(price) filter (where price_settled_at is not null), 0)::text as settled,
        coalesce(sum(price) filter (where price_settled_at is null), 0)::text as estimated
      from sms_messages
      where price is not null and reserved_at >= ${`${dayNames.at(-1)}T00:00:00Z`}::timestamptz
      group by rollup (1)
    ) sums`);
  const byDay = new Map(
    rows.map(({ day, texts, segments, settled, estimated }) => [
      day,
      { texts, segments, settledUsd: settled, estimatedUsd: estimated },
    ]),
  );
  return {
    days: dayNames.map((day) => ({ day, ...(byDay.get(day) ?? nothing) })),
    total: byDay.get(null) ?? nothing,
  };
}
