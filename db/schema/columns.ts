import { sql } from 'drizzle-orm';
import { bigint, customType, timestamp } from 'drizzle-orm/pg-core';

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** A `timestamptz`, read as a Date. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/**
 * In which order what happened to an account was done: one number for each transaction, given when it first writes such a row.
 * That is under the account's lock, so the numbers follow each other as the changes did, whatever clocks say. See the function
 * `account_change` in db/migrations.
 */
export const accountChange = (name: string) => bigint(name, { mode: 'number' }).notNull().default(thisChange);

/** The number of the transaction that is under way. */
export const thisChange = sql`account_change()`;

/** A list of them, empty at first: what a sliding window counts. */
export const instants = (name: string) =>
  instant(name)
    .array()
    .notNull()
    .default(sql`'{}'`);
