import { sql, type SQL } from 'drizzle-orm';

/** A moment, as a statement takes it in. */
export function timestamp(moment: Date): SQL {
  return sql`${moment.toISOString()}::timestamptz`;
}
