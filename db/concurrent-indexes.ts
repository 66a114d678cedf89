import type { Client } from 'pg';

/** An index to be built while everyone goes on reading and writing. */
export type ConcurrentIndex = {
  name: string;
  /** Everything after the name: `on sms_messages (phone) where …`. */
  on: string;
  isUnique?: boolean;
};

/**
 * Indexes on tables that are too large to be locked while one is built. A migration cannot build them, because it is a
 * transaction; so they stand here and not in `db/schema`, and drizzle knows nothing of them. To drop one, take it out
 * here and write `drop index if exists …` into a migration. One that an `on conflict` names belongs into a migration, since
 * the code cannot do without it.
 */
export const concurrentIndexes: readonly ConcurrentIndex[] = [
  {
    // Texts that say STOP are evidence of an opt-out and keep their number, whatever their age.
    name: 'sms_messages_age_index',
    on: `on sms_messages (created_at) where erased_at is null and params ->> 'meaning' is distinct from 'stop'`,
  },
  {
    // Texts that were on their way when their account ended; few, and erased when it is known what became of them.
    name: 'sms_messages_ownerless_index',
    on: `on sms_messages (created_at)
      where user_id is null and direction = 'out' and purpose <> 'reply' and phone <> ''`,
  },
  {
    // Refusals that several accounts have a part in; those of one are found by its own column. Nothing waits in a list
    // of its own to be sorted in, which every reader would have to go through.
    name: 'sms_verification_log_accounts_index',
    on: `on sms_verification_log using gin (accounts) with (fastupdate = off)
      where user_id is null and accounts is not null`,
  },
  {
    // The same for networks.
    name: 'sms_verification_log_networks_index',
    on: `on sms_verification_log using gin (networks) with (fastupdate = off)
      where network is null and networks is not null`,
  },
  {
    // Challenges that are over are removed by age.
    name: 'sms_verifications_age_index',
    on: 'on sms_verifications (created_at)',
  },
  {
    // What still tells of an address or a browser; both are erased by age.
    name: 'audit_log_age_index',
    on: 'on audit_log (at) where address is not null or user_agent is not null',
  },
];

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
