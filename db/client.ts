import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { quietQueryErrors } from '@/db/quiet-errors';
import { env } from '@/lib/env';

quietQueryErrors();

export type Db = NodePgDatabase;

/** What a function takes that only makes sense inside another's transaction. */
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0];

type Connection = { db: Db; pool: Pool };

// Hot reload evaluates this file again; the pool must outlive that, or every save would leak its connections.
const holder = globalThis as typeof globalThis & { doorstepConnection?: Connection };

/** Opens a pool of at most `max` connections; nothing connects before the first statement. */
export function openPool(databaseUrl: string, max = 10): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 15_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    application_name: 'doorstep',
  });
  // A restart of the database ends idle connections; without a listener that would end this process too.
  pool.on('error', (error) => {
    console.warn(`[db] an idle connection ended: ${error.message}`);
  });
  // One that is in use reports its end to whoever awaits its statement, and as an event besides.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** The database of this process, over one pool made on first use from DATABASE_URL. */
export function db(): Db {
  return connection().db;
}

/** Ends the pool after its running statements; the next `db()` opens a new one. */
export async function closeDb(): Promise<void> {
  const open = holder.doorstepConnection;
  holder.doorstepConnection = undefined;
  await open?.pool.end();
}

function connection(): Connection {
  if (!holder.doorstepConnection) {
    const pool = openPool(env().databaseUrl);
    holder.doorstepConnection = { pool, db: drizzle(pool) };
  }
  return holder.doorstepConnection;
}
