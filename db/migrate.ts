import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { Client } from 'pg';
import { buildIndexes, concurrentIndexes, retiredIndexes, type ConcurrentIndex } from './concurrent-indexes';
import { endClient } from './end-client';
import { keepAlive } from './keep-alive';

// Any constant will do, as long as every process that migrates uses the same.
const migrationLockKey = 7_316_004_252;
const oldestServerVersion = 150_000;

const ownMigrations = fileURLToPath(new URL('./migrations', import.meta.url));

export type MigrationOptions = {
  migrationsFolder?: string;
  indexes?: readonly ConcurrentIndex[];
  /** Names of indexes that are dropped once those are there. */
  retired?: readonly string[];
  /**
   * So long a migration waits for the lock of a table. Whoever wants to read the table meanwhile waits behind it, so this is
   * how long a migration can hold up a page.
   */
  lockTimeoutMs?: number;
  /** After so long without the lock of a table it gives up. Between two tries everyone else goes on. */
  patienceMs?: number;
  /** Gets one line when another process is migrating just now. */
  say?: (line: string) => void;
};

export type SchemaState = {
  /** How many migrations of this release the database lacks. */
  missing: number;
  /** Whether this role owns the tables, or there are none yet; another role can only look. */
  mayMigrate: boolean;
};

/**
 * Brings the database up to date on a connection of its own, one process at a time: a second caller waits and then finds
 * nothing to do. First the migrations, all that are missing in one transaction; then the indexes that are built while
 * everyone goes on. Throws an Error whose message is one line when the server cannot be reached or is older than
 * PostgreSQL 15; the message never holds the password.
 */
export async function migrateDatabase(
  ownerUrl: string,
  {
    migrationsFolder = ownMigrations,
    indexes = concurrentIndexes,
    retired = retiredIndexes,
    lockTimeoutMs = 3_000,
    patienceMs = 120_000,
    say = () => undefined,
  }: MigrationOptions = {},
): Promise<void> {
  await withClient(ownerUrl, async (client) => {
    // A role's own limit is meant for pages; a migration may take longer.
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
    await inTurn(client, say, async () => {
      await applyMigrations(client, { migrationsFolder, lockTimeoutMs, patienceMs });
      await buildIndexes(client, indexes, retired);
      // A pooler may keep the session for others.
      await client.query('reset all');
    });
  });
}

/**
 * Runs what changes the schema or rights while no other process does. After a failure the end of the session gives the turn
 * back.
 */
export async function inTurn(
  client: Client,
  say: (line: string) => void,
  run: () => Promise<void>,
): Promise<void> {
  await takeTurn(client, say);
  await run();
  await client.query('select pg_advisory_unlock($1)', [migrationLockKey]);
}

/** What a role finds: whether the schema is current, and whether it could bring it up to date. Changes nothing. */
export async function readSchemaState(
  databaseUrl: string,
  migrationsFolder = ownMigrations,
): Promise<SchemaState> {
  return withClient(databaseUrl, async (client) => {
    const known = readMigrationFiles({ migrationsFolder });
    const { rows: tables } = await client.query<{ owned: boolean }>(
      `select pg_has_role(current_user, relowner, 'usage') as owned from pg_class
       where relname = '__drizzle_migrations' and relnamespace = (select oid from pg_namespace where nspname = 'drizzle')`,
    );
    if (!tables[0]) return { missing: known.length, mayMigrate: true };
    const { rows } = await client.query<{ last: string | null }>(
      'select max(created_at)::text as last from drizzle.__drizzle_migrations',
    );
    const last = Number(rows[0]?.last ?? -1);
    const missing = known.filter(({ folderMillis }) => folderMillis > last).length;
    return { missing, mayMigrate: tables[0].owned };
  });
}

/**
 * Connects as what a migration does, runs, and ends the session, which gives its locks back also after a failure. Throws
 * an Error of one line when the server cannot be reached or is too old.
 */
export async function withClient<T>(databaseUrl: string, run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 10_000,
    ...keepAlive,
    application_name: 'doorstep-migrate',
  });
  // The statement that is running rejects by itself; this only keeps a lost connection from being an uncaught event.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new Error(
      `The database at ${describeDatabase(databaseUrl)} cannot be reached: ${firstLine(error)}`,
      {
        cause: error,
      },
    );
  }
  try {
    const { rows } = await client.query<{ number: string; name: string }>(
      `select current_setting('server_version_num') as number, current_setting('server_version') as name`,
    );
    if (Number(rows[0]?.number) < oldestServerVersion) {
      throw new Error(
        `The database at ${describeDatabase(databaseUrl)} is PostgreSQL ${rows[0]?.name}: 15 or newer is needed`,
      );
    }
    return await run(client);
  } finally {
    await endClient(client);
  }
}

/**
 * Waits for its turn by asking again and again: one that waits inside PostgreSQL would hold a snapshot, for whose end an
 * index that is being built concurrently waits in turn.
 */
async function takeTurn(client: Client, say: (line: string) => void): Promise<void> {
  for (let times = 0; ; times += 1) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      migrationLockKey,
    ]);
    if (rows[0]?.taken) return;
    if (times === 10) say('Waiting for another process, which is migrating the database …');
    await delay(200);
  }
}

async function applyMigrations(
  client: Client,
  {
    migrationsFolder,
    lockTimeoutMs,
    patienceMs,
  }: { migrationsFolder: string; lockTimeoutMs: number; patienceMs: number },
): Promise<void> {
  const giveUpAt = Date.now() + patienceMs;
  await client.query(`set lock_timeout = ${lockTimeoutMs}`);
  for (let pauseMs = 250; ; pauseMs = Math.min(8_000, pauseMs * 2)) {
    try {
      await migrate(drizzle(client), { migrationsFolder });
      break;
    } catch (error) {
      if (!isHeldUp(error) || Date.now() + pauseMs > giveUpAt) throw error;
      await delay(pauseMs);
    }
  }
  await client.query('set lock_timeout = 0');
}

/** Whether others held what it wanted: lock_not_available, or it was the one to yield in a deadlock. */
function isHeldUp(error: unknown): boolean {
  const { code } = ((error as Error).cause ?? error) as { code?: string };
  return code === '55P03' || code === '40P01';
}

/** Host, port and name of a database as one may print it, without user and password. */
function describeDatabase(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return 'DATABASE_URL';
  const url = new URL(databaseUrl);
  return `${url.host || url.searchParams.get('host') || 'localhost'}${url.pathname}`;
}

function firstLine(error: unknown): string {
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split('\n')[0] ?? message;
}
