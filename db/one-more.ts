import { sql, type SQL } from 'drizzle-orm';

/** More than any counter of ours has a use for. */
const most = 1_000_000;

/** A counter's next value: one that is as high as its column can hold stays a number, and its row can be worked on. */
export function oneMore(counter: SQL): SQL {
  return sql`least(${counter}, ${most}) + 1`;
}
