import { sql, type SQL } from 'drizzle-orm';
import type { LedgerDifference } from '@/db/schema/alarms';
import type { Db } from '@/db/client';
import type { DifferenceKind } from '@/lib/alarms/ledger-kinds';

/** PostgreSQL gives up a statement of the check after this long: its part is tried again later. */
const patienceMs = 10_000;

/** So many examples of a difference are told. */
export const mostExamples = 5;

/** What a check of a part finds, statement by statement. */
export type Finds = AsyncGenerator<LedgerDifference[]>;

/** Runs one statement of the check in a transaction of its own, which changes nothing and holds nobody up. */
export async function look<Row extends Record<string, unknown>>(db: Db, query: SQL): Promise<Row[]> {
  return db.transaction(
    async (tx) => {
      // A page of a ledger is found by the indexes of what is beside it. Where few rows are believed to be there, PostgreSQL would
      // rather go through whole tables.
      await tx.execute(
        sql.raw(
          `set local statement_timeout = ${patienceMs}; set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off`,
        ),
      );
      const { rows } = await tx.execute(query);
      return rows as Row[];
    },
    { accessMode: 'read only' },
  );
}

/** Runs a statement whose rows are `kind` and `example`, a row for each difference, and counts them by their kind. */
export async function lookForDifferences(db: Db, found: SQL): Promise<LedgerDifference[]> {
  return look<LedgerDifference>(
    db,
    sql`select kind, count(*)::int as count, (array_agg(example order by example))[1:${mostExamples}::int] as examples
      from (${found}) found group by kind order by kind`,
  );
}

/** The same differences of several stretches, added up. */
export function addDifferences(all: readonly LedgerDifference[]): LedgerDifference[] {
  const byKind = new Map<string, LedgerDifference>();
  for (const { kind, count, examples } of all) {
    const before = byKind.get(kind);
    byKind.set(kind, {
      kind,
      count: count + (before?.count ?? 0),
      examples: [...(before?.examples ?? []), ...examples].slice(0, mostExamples),
    });
  }
  return [...byKind.values()];
}

/** A kind of difference, as a value of a statement. */
export function kindIs(kind: DifferenceKind): SQL {
  return sql`${kind}::text as kind`;
}
