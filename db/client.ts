import { setTimeout as delay } from 'node:timers/promises';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { keepAlive } from '@/db/keep-alive';
import { giveUpLostConnections } from '@/db/lost-connections';
import journal from '@/db/migrations/meta/_journal.json' with { type: 'json' };
import { measurePoolWait } from '@/db/pool-wait';
import { prepareFrequent } from '@/db/prepared-statements';
import { quietQueryErrors } from '@/db/quiet-errors';
import { env } from '@/lib/env';

quietQueryErrors();

export type Db = NodePgDatabase;

/** What a function takes that only makes sense inside another's transaction. */
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0];

type Connection = { db: Db; pool: Pool };

// Hot reload evaluates this file again; the pool must outlive that, or every save would leak its connections.
const holder = globalThis as typeof globalThis & { doorstepConnection?: Connection };

export type PoolOptions = {
  /** Connections at most. */
  max?: number;
  /** For a connection to be made, and for one to become free. */
  connectTimeoutMs?: number;
  /** PostgreSQL itself ends a statement that takes longer, or a transaction that is left idle for as long. */
  statementTimeoutMs?: number;
  /**
   * PostgreSQL ends a statement that waits longer for someone's lock. Below `connectTimeoutMs`: so connections that wait for
   * one row come free again before whoever waits for a connection gives up.
   */
  lockTimeoutMs?: number;
  /** The client gives up: PostgreSQL must be gone, or it would have answered by now. A little above the former. */
  queryTimeoutMs?: number;
  /** Whether statements that are sent often are prepared (db/prepared-statements.ts). */
  prepares?: boolean;
};

/**
 * Opens a pool; nothing connects before the first statement.
 *
 * Whatever is asked of it settles, also when PostgreSQL vanishes without a word: within `connectTimeoutMs` for a
 * connection and `queryTimeoutMs` for each statement. A connection on which something was lost is ended, and everything
 * works again `queryTimeoutMs` after PostgreSQL is back, at the latest.
 */
export function openPool(
  databaseUrl: string,
  {
    max = 10,
    connectTimeoutMs = 5_000,
    statementTimeoutMs = 15_000,
    lockTimeoutMs = 3_000,
    queryTimeoutMs = 16_000,
    prepares = true,
  }: PoolOptions = {},
): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    query_timeout: queryTimeoutMs,
    ...keepAlive,
    application_name: 'doorstep',
    // Not sent while connecting, because PgBouncer refuses that.
    onConnect: async (client) => {
      const limits = {
        text: `set statement_timeout = ${statementTimeoutMs}; set lock_timeout = ${lockTimeoutMs};
          set idle_in_transaction_session_timeout = ${statementTimeoutMs}`,
        query_timeout: connectTimeoutMs,
      };
      await client.query(limits);
    },
  });
  giveUpLostConnections(pool, queryTimeoutMs);
  if (prepares) prepareFrequent(pool);
  // A restart of the database ends idle connections; without a listener that would end this process too.
  pool.on('error', (error) => {
    console.warn(`[db] an idle connection ended: ${error.message}`);
  });
  return pool;
}

/**
 * How the pool of a worker is opened: nobody looks at what it does, and all of it is tried again. So it waits for no lock longer
 * than others may be kept waiting by that.
 */
export const workerPool: PoolOptions = { lockTimeoutMs: 300 };

/** The database of this process, over one pool made on first use from DATABASE_URL, with the `options` of that first time. */
export function db(options?: PoolOptions): Db {
  return connection(options).db;
}

/** Whether the database answers within `withinMs`. */
export async function isDatabaseAnswering(withinMs = 3_000): Promise<boolean> {
  return (await askWithin('select 1', withinMs)) !== null;
}

/**
 * Whether this release can work with the database as it is: it answers within `withinMs`, can be written to (a standby
 * cannot), and has every migration that the release was built with. A newer database will do.
 */
export async function readReadiness(
  withinMs = 3_000,
): Promise<{ ok: true } | { ok: false; reason: 'database' | 'read_only' | 'not_migrated' }> {
  const state = await askWithin(
    `select current_setting('transaction_read_only') = 'on' as read_only,
       to_regclass('drizzle.__drizzle_migrations') is not null as migrated`,
    withinMs,
  );
  if (state === null) return { ok: false, reason: 'database' };
  if (state.read_only) return { ok: false, reason: 'read_only' };
  const last = state.migrated
    ? await askWithin('select max(created_at)::text as last from drizzle.__drizzle_migrations', withinMs)
    : null;
  const newest = Math.max(...journal.entries.map(({ when }) => when));
  return Number(last?.last ?? -1) >= newest ? { ok: true } : { ok: false, reason: 'not_migrated' };
}

/** The first row of an answer; null when there is none within `withinMs`, or an error. */
async function askWithin(text: string, withinMs: number): Promise<Record<string, unknown> | null> {
  const answer = connection()
    .pool.query<Record<string, unknown>>({ text, query_timeout: withinMs } as { text: string })
    .then(
      ({ rows }) => rows[0] ?? null,
      () => null,
    );
  const patience = new AbortController();
  const silence = delay(withinMs, null, { signal: patience.signal }).catch(() => null);
  return Promise.race([answer, silence]).finally(() => patience.abort());
}

/** Ends the pool after its running statements; the next `db()` opens a new one. */
export async function closeDb(): Promise<void> {
  const open = holder.doorstepConnection;
  holder.doorstepConnection = undefined;
  await open?.pool.end();
}

function connection(options?: PoolOptions): Connection {
  if (!holder.doorstepConnection) {
    const pool = openPool(env().databaseUrl, { prepares: env().preparesStatements, ...options });
    measurePoolWait(pool);
    holder.doorstepConnection = { pool, db: drizzle(pool) };
  }
  return holder.doorstepConnection;
}
