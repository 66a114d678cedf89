import { randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Client, Pool, type PoolClient } from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import type { Db } from '@/db/client';

/** A migrated, empty database of one test file. Its properties can be read once the file's `beforeAll` has run. */
export type TestDatabase = {
  readonly url: string;
  readonly db: Db;
  /** Up to 60 connections, so that races are races. */
  readonly pool: Pool;
};

/**
 * Gives the calling test file a database of its own, cloned from the migrated template and dropped afterwards; or from `original`, one
 * of the file's own, with all that is in it. Connections to that one are cut for it.
 */
export function useDatabase(original?: TestDatabase): TestDatabase {
  const template = new URL(original?.url ?? inject('templateDatabaseUrl'));
  const templateName = template.pathname.slice(1);
  const name = `doorstep_${randomUUID().replaceAll('-', '')}`;
  const own = new URL(template);
  own.pathname = `/${name}`;
  let open: { db: Db; pool: Pool } | undefined;

  const onServer = async (statement: string): Promise<void> => {
    const server = new URL(template);
    server.pathname = '/postgres';
    const client = new Client({ connectionString: server.href });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  const opened = (): { db: Db; pool: Pool } => {
    if (!open) throw new Error('the test database exists only once beforeAll has run');
    return open;
  };

  beforeAll(async () => {
    if (original) {
      await onServer(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${templateName}'`,
      );
    }
    await onServer(`create database ${name} template ${templateName} strategy file_copy`);
    const pool = new Pool({ connectionString: own.href, max: 60 });
    // A test may cut connections on purpose.
    pool.on('error', () => undefined);
    open = { pool, db: drizzle(pool) };
  });
  afterAll(async () => {
    await open?.pool.end();
    await onServer(`drop database if exists ${name} with (force)`);
  });

  return {
    url: own.href,
    get db() {
      return opened().db;
    },
    get pool() {
      return opened().pool;
    },
  };
}

/**
 * The text of every statement that goes out over the pool's connections while `run` runs, in order, BEGIN and COMMIT
 * included; also those of anything else that uses the pool meanwhile.
 */
export async function recordStatements(pool: Pool, run: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  const wrapped = new Map<PoolClient, PoolClient['query']>();
  const wrap = (client: PoolClient): void => {
    if (wrapped.has(client)) return;
    const original = client.query;
    wrapped.set(client, original);
    client.query = function record(this: PoolClient, ...args: Parameters<typeof original>) {
      const [query] = args as unknown as [string | { text: string }];
      statements.push(typeof query === 'string' ? query : query.text);
      return Reflect.apply(original, this, args);
    } as typeof original;
  };
  // A pool hands out every connection, also those for its own `query`, by this event.
  pool.on('acquire', wrap);
  try {
    await run();
  } finally {
    pool.off('acquire', wrap);
    for (const [client, original] of wrapped) client.query = original;
  }
  return statements;
}
