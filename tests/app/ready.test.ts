import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { GET } from '@/app/api/ready/route';
import { closeDb } from '@/db/client';
import { useDatabase } from '../support/database';

const database = useDatabase();
const name = () => new URL(database.url).pathname.slice(1);
const newest = 'where created_at = (select max(created_at) from drizzle.__drizzle_migrations)';

let get: typeof GET;
beforeAll(async () => {
  process.env.DATABASE_URL = database.url;
  // The settings are read on first use, so the route is loaded only now.
  get = (await import('@/app/api/ready/route')).GET;
});
afterAll(closeDb);

async function ask(): Promise<unknown[]> {
  const answer = await get();
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return [answer.status, await answer.json()];
}

const unready = (reason: string) => [503, { status: 'unavailable', reason }];

test('a migrated database that can be written to is ready, also one of a later release', async () => {
  expect(await ask()).toEqual([200, { status: 'ok' }]);
  await database.pool.query(
    `insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 9999999999999)`,
  );
  expect(await ask()).toEqual([200, { status: 'ok' }]);
  await database.pool.query(`delete from drizzle.__drizzle_migrations ${newest}`);
});

test('a read-only one is not, as a standby is', async () => {
  await database.pool.query(`alter database ${name()} set default_transaction_read_only = on`);
  await closeDb();
  expect(await ask()).toEqual(unready('read_only'));
  await database.pool.query('set default_transaction_read_only = off');
  await database.pool.query(
    `begin read write; alter database ${name()} reset default_transaction_read_only; commit`,
  );
  await closeDb();
});

test('one that lacks the newest migration is not, and an empty one is not', async () => {
  await database.pool.query(`delete from drizzle.__drizzle_migrations ${newest}`);
  expect(await ask()).toEqual(unready('not_migrated'));
  await database.pool.query('drop schema drizzle cascade');
  expect(await ask()).toEqual(unready('not_migrated'));
});

test('one that does not answer is not', async () => {
  await closeDb();
  process.env.DATABASE_URL = 'postgres://nobody@127.0.0.1:1/none';
  vi.resetModules();
  get = (await import('@/app/api/ready/route')).GET;
  expect(await ask()).toEqual(unready('database'));
});
