import { sql, type SQL } from 'drizzle-orm';

/** A moment, as a statement takes it in. */
export function timestamp(moment: Date): SQL {
  return sql`${moment.toISOString()}::timestamptz`;
}

/**
 * A stored moment as milliseconds since 1970; null for none, and for one that was written wrongly: before 1970 or after the year 9999,
 * which no Date holds, or none that a statement would take in again.
 */
export function epochMs(moment: SQL): SQL {
  return sql`(extract(epoch from case when ${moment} >= '1970-01-01Z' and ${moment} < '10000-01-01Z' then ${moment} end) * 1000)::float8`;
}
