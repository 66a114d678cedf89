import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateDatabase } from '@/db/migrate';
import { recordStatements, useDatabase } from '../support/database';

const database = useDatabase();
const folder = mkdtempSync(join(tmpdir(), 'doorstep-migrations-'));
const table = `race_${randomUUID().replaceAll('-', '')}`;

beforeAll(() => {
  mkdirSync(join(folder, 'meta'));
  // Later than any real one, since what is older than the last applied is passed over.
  const entry = { idx: 0, version: '7', when: 9_999_999_999_999, tag: '0000_race', breakpoints: true };
  writeFileSync(
    join(folder, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'postgresql', entries: [entry] }),
  );
  writeFileSync(join(folder, '0000_race.sql'), `create table ${table} (id int)`);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('eight processes that migrate at once apply a migration once, and none fails', async () => {
  await Promise.all(Array.from({ length: 8 }, () => migrateDatabase(database.url, folder)));
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
    const migrating = migrateDatabase(limited.href, folder);
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
