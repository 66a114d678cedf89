import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { concurrentIndexes } from '@/db/concurrent-indexes';
import { migrateDatabase } from '@/db/migrate';
import { recordStatements, useDatabase } from '../support/database';

const database = useDatabase();
const folder = mkdtempSync(join(tmpdir(), 'doorstep-migrations-'));
const table = `race_${randomUUID().replaceAll('-', '')}`;

/** Makes a folder of one migration. */
function writeMigration(into: string, statement: string): void {
  mkdirSync(join(into, 'meta'));
  // Later than any real one, since what is older than the last applied is passed over.
  const entry = { idx: 0, version: '7', when: 9_999_999_999_999, tag: '0000_only', breakpoints: true };
  writeFileSync(
    join(into, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'postgresql', entries: [entry] }),
  );
  writeFileSync(join(into, '0000_only.sql'), statement);
}

beforeAll(() => {
  writeMigration(folder, `create table ${table} (id int)`);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('eight processes that migrate at once apply a migration once, and none fails', async () => {
  await Promise.all(
    Array.from({ length: 8 }, () => migrateDatabase(database.url, { migrationsFolder: folder })),
  );
  const { rows } = await database.pool.query(
    'select count(*)::int as count from drizzle.__drizzle_migrations where created_at = 9999999999999',
  );
  expect(rows).toEqual([{ count: 1 }]);
  expect((await database.pool.query(`select from ${table}`)).rowCount).toBe(0);
});

test('a time limit that the role has for pages does not end a wait for another migration', async () => {
  const holder = await database.pool.connect();
  const limited = new URL(database.url);
  limited.searchParams.set('options', '-c statement_timeout=100');
  try {
    await holder.query('select pg_advisory_lock(7316004252)');
    const migrating = migrateDatabase(limited.href, { migrationsFolder: folder });
    const early = migrating.then(
      () => 'ended',
      () => 'ended',
    );
    expect(await Promise.race([early, delay(500, 'waiting')])).toBe('waiting');
    await holder.query('select pg_advisory_unlock(7316004252)');
    await migrating;
  } finally {
    holder.release(true);
  }
});

describe('a migration that wants a table which someone holds', () => {
  const blocked = mkdtempSync(join(tmpdir(), 'doorstep-blocked-'));
  afterAll(() => rmSync(blocked, { recursive: true }));
  beforeEach(() =>
    database.pool.query('delete from drizzle.__drizzle_migrations where created_at = 9999999999999'),
  );
  const column = () =>
    database.pool.query(`select from information_schema.columns where column_name = 'blocked'`);

  test('lets go again and again, so that nobody waits behind it for long, and comes through in the end', async () => {
    writeMigration(blocked, 'alter table users add column blocked int');
    const holder = await database.pool.connect();
    await holder.query('begin; select from users');
    let ended = false;
    const migrating = migrateDatabase(database.url, {
      migrationsFolder: blocked,
      lockTimeoutMs: 150,
    }).finally(() => (ended = true));
    try {
      const waits: number[] = [];
      const until = Date.now() + 1_500;
      while (Date.now() < until) {
        const since = Date.now();
        await database.pool.query('select from users');
        waits.push(Date.now() - since);
        await delay(10);
      }
      expect(ended).toBe(false);
      expect(Math.max(...waits)).toBeLessThan(1_000);
      expect((await column()).rowCount).toBe(0);
    } finally {
      await holder.query('commit');
      holder.release();
    }
    await migrating;
    expect((await column()).rowCount).toBe(1);
    await database.pool.query('alter table users drop column blocked');
  });

  test('gives up with what PostgreSQL said when nobody lets go', async () => {
    const holder = await database.pool.connect();
    try {
      await holder.query('begin; select from users');
      const quick = { migrationsFolder: blocked, lockTimeoutMs: 50, patienceMs: 400 };
      await expect(migrateDatabase(database.url, quick)).rejects.toMatchObject({ cause: { code: '55P03' } });
    } finally {
      holder.release(true);
    }
  });
});

describe('indexes that are built while everyone goes on', () => {
  const index = { name: 'users_test_index', on: `on users (name) where role = 'staff'` };
  const build = () => migrateDatabase(database.url, { indexes: [index] });
  const read = async () => {
    const { rows } = await database.pool.query<{ oid: number; valid: boolean }>(
      `select indexrelid::int as oid, indisvalid as valid from pg_index where indexrelid = to_regclass($1)`,
      [index.name],
    );
    return rows;
  };

  test('are in a database that is migrated, each valid', async () => {
    const { rows } = await database.pool.query<{ name: string; valid: boolean }>(
      `select relname as name, indisvalid as valid from pg_index join pg_class on oid = indexrelid
       where relname = any($1) order by relname`,
      [concurrentIndexes.map(({ name }) => name)],
    );
    const names = concurrentIndexes.map(({ name }) => name).sort();
    expect(rows).toEqual(names.map((name) => ({ name, valid: true })));
  });

  test('are built once', async () => {
    await build();
    const [first] = await read();
    expect(first?.valid).toBe(true);
    await build();
    expect(await read()).toEqual([first]);
  });

  test('an invalid one, as an interrupted build leaves it, is built again', async () => {
    const [first] = await read();
    await database.pool.query(`update pg_index set indisvalid = false where indexrelid = $1`, [first!.oid]);
    await build();
    const [second] = await read();
    expect(second?.valid).toBe(true);
    expect(second?.oid).not.toBe(first!.oid);
  });

  test('one that is retired goes only when those in its place are there', async () => {
    await database.pool.query(`create index users_old_index on users (name)`);
    const retired = ['users_old_index', 'users_never_index'];
    const broken = { name: 'users_broken_index', on: 'on users (no_such_column)' };
    const isThere = async () =>
      (await database.pool.query(`select to_regclass('users_old_index') is not null as there`)).rows;
    await expect(migrateDatabase(database.url, { indexes: [broken], retired })).rejects.toThrow();
    expect(await isThere()).toEqual([{ there: true }]);
    await migrateDatabase(database.url, { indexes: [index], retired });
    expect(await isThere()).toEqual([{ there: false }]);
  });

  test('a writer in the middle of a transaction and a second process that waits for its turn do not stop it', async () => {
    await database.pool.query(`drop index ${index.name}`);
    const writer = await database.pool.connect();
    await writer.query(`begin; update users set name = name`);
    const both = Promise.all([build(), build()]);
    await delay(600);
    await database.pool.query('update users set name = name');
    await writer.query('commit');
    writer.release();
    await both;
    expect((await read())[0]?.valid).toBe(true);
  });
});

test('statements of a run are recorded with their BEGIN and COMMIT, and only of that run', async () => {
  await database.pool.query('select 0');
  const statements = await recordStatements(database.pool, () =>
    database.db.transaction(async (tx) => {
      await tx.execute('select 1');
    }),
  );
  await database.pool.query('select 2');
  expect(statements).toEqual(['begin', 'select 1', 'commit']);
});
