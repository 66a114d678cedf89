import type { Client, PoolClient } from 'pg';

/**
 * Drops the indexes and references of some tables, in the transaction that is under way: building them again at once is several times
 * faster than keeping them row by row. What an `on conflict` or a primary key needs stays. Out: the statements that put them back.
 */
export async function takeIndexesAway(
  client: Client | PoolClient,
  tables: readonly string[],
): Promise<string[]> {
  const references = await client.query<{ drop: string; make: string }>(
    `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop,
       format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) as make
     from pg_constraint where contype = 'f' and conrelid = any($1::regclass[])`,
    [tables],
  );
  const indexes = await client.query<{ drop: string; make: string }>(
    `select format('drop index %s', indexrelid::regclass) as drop, pg_get_indexdef(indexrelid) as make
     from pg_index where indrelid = any($1::regclass[])
       and not exists (select from pg_constraint where conindid = indexrelid)`,
    [tables],
  );
  for (const { drop } of [...references.rows, ...indexes.rows]) await client.query(drop);
  return [...indexes.rows, ...references.rows].map(({ make }) => make);
}
