import type { Client } from 'pg';

/** An index to be built while everybody goes on reading and writing. */
export type ConcurrentIndex = {
  name: string;
  /** Everything after the name: `on sms_messages (phone) where …`. */
  on: string;
  isUnique?: boolean;
};

/**
 * Indexes on tables that are too large to be locked while one is built. A migration cannot build them, because it is a
 * transaction; so they stand here and not in `db/schema`, and drizzle knows nothing of them. To drop one, take it out
 * here and write `drop index if exists …` into a migration.
 */
export const concurrentIndexes: readonly ConcurrentIndex[] = [];

/**
 * Builds the indexes that are missing, one after the other. One that was left invalid, since an earlier build was
 * interrupted or met a duplicate, is dropped and built anew. Nothing to do costs one statement.
 */
export async function buildIndexes(client: Client, indexes: readonly ConcurrentIndex[]): Promise<void> {
  if (indexes.length === 0) return;
  const { rows } = await client.query<{ name: string; valid: boolean }>(
    `select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace = current_schema()::regnamespace and c.relname = any($1)`,
    [indexes.map(({ name }) => name)],
  );
  const found = new Map(rows.map(({ name, valid }) => [name, valid]));
  for (const { name, on, isUnique = false } of indexes) {
    if (found.get(name)) continue;
    const quoted = client.escapeIdentifier(name);
    if (found.has(name)) await client.query(`drop index concurrently ${quoted}`);
    await client.query(`create ${isUnique ? 'unique ' : ''}index concurrently ${quoted} ${on}`);
  }
}
