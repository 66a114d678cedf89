import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Client } from 'pg';
import { endClient } from './end-client';
import { keepAlive } from './keep-alive';

// Any constant will do, as long as every process that migrates uses the same.
const migrationLockKey = 7_316_004_252;
const oldestServerVersion = 150_000;

/**
 * Brings the database up to date on a connection of its own, one process at a time: a second caller waits and then finds
 * nothing to do. Throws an Error whose message is one line when the server cannot be reached or is older than
 * PostgreSQL 15; the message never holds the password.
 */
export async function migrateDatabase(
  databaseUrl: string,
  migrationsFolder = fileURLToPath(new URL('./migrations', import.meta.url)),
): Promise<void> {
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
    // A role's own limit is meant for pages; a migration, or the wait for another's, may take longer.
    await client.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [migrationLockKey]);
    await migrate(drizzle(client), { migrationsFolder });
  } finally {
    // Ending the session is what gives the lock back, also after a failure.
    await endClient(client);
  }
}

/** Host, port and name of a database as one may print it, without user and password. */
export function describeDatabase(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return 'DATABASE_URL';
  const url = new URL(databaseUrl);
  return `${url.host || url.searchParams.get('host') || 'localhost'}${url.pathname}`;
}

function firstLine(error: unknown): string {
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.split('\n')[0] ?? message;
}
