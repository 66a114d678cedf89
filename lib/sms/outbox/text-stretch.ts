import { sql, type SQL } from 'drizzle-orm';
import type { MessageStatus } from '@/db/schema/sms';

/** What the texts of a stretch have in common: a column, or an expression over their row, and its value, of the column's type. */
export type StretchKey = { column: SQL; value: SQL };

/** A place among texts, by expressions: the moment at which one was written, and its id. */
export type StretchPlace = { at: SQL; id: SQL };

const firstId = sql`'00000000-0000-0000-0000-000000000000'::uuid`;
const lastId = sql`'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid`;

/**
 * The stretch of an index of these columns, `created_at` and `id` that has the texts of these keys: the condition of its rows, and its
 * own order, the newest first. As one comparison of rows and in that order, it is read from that index alone, from one place to another:
 * no sample of the table can make PostgreSQL believe that walking through everyone's texts would find some sooner.
 *
 * It has to be read with a LIMIT: PostgreSQL does not know how long a stretch is, and would rather sort the table than read all of it.
 *
 * @param since from this moment on; else from the first
 * @param before only what comes before this place; else up to the last
 */
export function textStretch(
  keys: readonly StretchKey[],
  { since = null, before = null }: { since?: SQL | null; before?: StretchPlace | null } = {},
): { within: SQL; newestFirst: SQL } {
  const columns = list([...keys.map(({ column }) => column), sql`created_at`, sql`id`]);
  const values = keys.map(({ value }) => value);
  const from = list([...values, since ?? sql`'-infinity'::timestamptz`, firstId]);
  const to = list([...values, before?.at ?? sql`'infinity'::timestamptz`, before?.id ?? lastId]);
  return {
    within: sql`(${columns}) >= (${from}) and (${columns}) < (${to})`,
    newestFirst: list([...keys.map(({ column }) => sql`${column} desc`), sql`created_at desc`, sql`id desc`]),
  };
}

/** The ways that texts of a state went: what people wrote to us is `received`, and nothing else is. */
export function waysOf(status: MessageStatus | null): readonly ('out' | 'in')[] {
  if (status === null) return ['out', 'in'];
  return status === 'received' ? ['in'] : ['out'];
}

function list(parts: readonly SQL[]): SQL {
  return sql.join([...parts], sql`, `);
}
