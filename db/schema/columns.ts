import { sql } from 'drizzle-orm';
import { customType, timestamp } from 'drizzle-orm/pg-core';

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** A `timestamptz`, read as a Date. */
export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** A list of them, empty at first: what a sliding window counts. */
export const instants = (name: string) =>
  instant(name)
    .array()
    .notNull()
    .default(sql`'{}'`);
