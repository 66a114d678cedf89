import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countDatabase, type DatabaseCounter } from '@/bench/database-counts';
import { measureIdle } from '@/bench/measure';
import { startThrowawayDatabase, type ThrowawayDatabase } from '@/scripts/postgres/throwaway';

let server: ThrowawayDatabase;
let client: Client;
let others: Client;
let counter: DatabaseCounter;

beforeAll(async () => {
  server = await startThrowawayDatabase({
    isDurable: true,
    settings: { shared_preload_libraries: 'pg_stat_statements', full_page_writes: 'off' },
  });
  client = new Client({ connectionString: server.url });
  await client.connect();
  await client.query('create table things (n int primary key)');
  await client.query(`create role someone_else superuser login password 'secret'`);
  const counterUrl = Object.assign(new URL(server.url), {
    username: 'someone_else',
    password: 'secret',
  }).href;
  others = new Client({ connectionString: counterUrl });
  await others.connect();
  counter = await countDatabase(counterUrl, server.url);
});
afterAll(async () => {
  await counter.close();
  await Promise.all([client.end(), others.end()]);
  await server.stop();
});

async function countOf(...statements: string[]) {
  const end = await counter.begin();
  for (const statement of statements) await client.query(statement);
  return end();
}

test('statements are counted one by one, BEGIN and COMMIT included, and reading commits nothing', async () => {
  expect(await countOf('select 1', 'select 2', 'select n from things')).toMatchObject({
    statements: 3,
    commits: 0,
    waits: 0,
  });
  expect(await countOf('begin', 'select 1', 'commit')).toMatchObject({ statements: 3, commits: 0 });
});

test('a transaction that writes is one commit, which waits for the disk unless it says otherwise', async () => {
  const written = await countOf(
    'begin',
    'insert into things values (1)',
    'insert into things values (2)',
    'commit',
  );
  expect(written).toMatchObject({ statements: 4, commits: 1, waits: 1 });
  expect(written.walBytes).toBeGreaterThan(100);
  expect(written.walBytes).toBeLessThan(3_000);
  const lazy = await countOf(
    'begin',
    `select set_config('synchronous_commit', 'off', true)`,
    'insert into things values (3)',
    'commit',
  );
  expect(lazy).toMatchObject({ statements: 4, commits: 1, waits: 0 });
  expect(await countOf('insert into things values (4)', 'insert into things values (5)')).toMatchObject({
    statements: 2,
    commits: 2,
    waits: 2,
  });
});

test('what is taken back is no commit, and a lock on a row is one', async () => {
  expect(await countOf('begin', 'insert into things values (6)', 'rollback')).toMatchObject({ commits: 0 });
  expect(await countOf('select n from things where n = 1 for update')).toMatchObject({
    statements: 1,
    commits: 1,
  });
});

test('what another role asks of the same database is not counted, and a list has each statement by its text', async () => {
  const before = (await counter.listStatements()).get('select n from things order by n') ?? 0;
  const end = await counter.begin();
  await others.query('select 1 as of_others');
  await client.query('select n from things order by n');
  expect(await end()).toMatchObject({ statements: 1 });
  const listed = await counter.listStatements();
  expect(listed.get('select n from things order by n')).toBe(before + 1);
  expect([...listed.keys()].filter((text) => text.includes('of_others'))).toEqual([]);
});

test('nobody does anything, and that is what is counted', async () => {
  const idle = await measureIdle(counter, { looks: 3, lookMs: 100 });
  expect(idle.statements).toBe(0);
  expect(idle.commits).toBe(0);
});
