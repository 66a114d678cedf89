import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPool } from '@/db/client';
import { isDatabaseFault } from '@/db/database-fault';
import { plannedAnew } from '@/db/prepared-statements';
import { users } from '@/db/schema/accounts';
import { useDatabase } from '../support/database';

const database = useDatabase();
let pool: Pool;

beforeEach(() => {
  pool = openPool(database.url, { max: 1 });
});

afterEach(() => pool.end());

/** The texts that are prepared on the pool's one connection. */
async function listPrepared(): Promise<string[]> {
  const { rows } = await pool.query<{ statement: string }>(
    'select statement from pg_prepared_statements order by prepare_time',
  );
  return rows.map(({ statement }) => statement);
}

async function repeat(times: number, run: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < times; n += 1) await run();
}

test('a statement is prepared when a connection sends it for the third time, from then on by that name', async () => {
  const db = drizzle(pool);
  const run = (n: number) => db.execute<{ n: number }>(sql`select ${n}::int as n`);
  await repeat(2, () => run(1));
  expect(await listPrepared()).toEqual([]);
  const answers = [await run(7), await run(8), await run(9)];
  expect(answers.map(({ rows }) => rows[0]!.n)).toEqual([7, 8, 9]);
  expect(await listPrepared()).toEqual(['select $1::int as n']);
});

test('what the query builder and transactions send is prepared as well, and rows stay what they are', async () => {
  const db = drizzle(pool);
  const read = () =>
    db.transaction((tx) =>
      tx
        .select({ id: users.id })
        .from(users)
        .where(sql`email = ${'x'}`),
    );
  await repeat(4, async () => expect(await read()).toEqual([]));
  const prepared = await listPrepared();
  expect(prepared).toHaveLength(1);
  expect(prepared[0]).toContain('from "users"');
});

test('statements without values, and those that are planned anew, are never prepared', async () => {
  const db = drizzle(pool);
  await repeat(5, () => pool.query('select 1 as one'));
  await repeat(5, () => db.execute(sql`${plannedAnew} select ${1}::int as n`));
  expect(await listPrepared()).toEqual([]);
});

test('a name stands for the same text on every connection, since it is made of it', async () => {
  const other = openPool(database.url, { max: 1 });
  const nameIn = async (of: Pool) => {
    await repeat(3, () => drizzle(of).execute(sql`select ${1}::int as same`));
    const { rows } = await of.query<{ name: string }>('select name from pg_prepared_statements');
    return rows.map(({ name }) => name);
  };
  try {
    await repeat(3, () => drizzle(other).execute(sql`select ${1}::int as another`));
    const [name] = await nameIn(pool);
    expect(await nameIn(other)).toContain(name);
  } finally {
    await other.end();
  }
});

test('a connection prepares 200 statements at most, however many it sends', async () => {
  const db = drizzle(pool);
  for (let n = 0; n < 205; n += 1) {
    await repeat(3, () => db.execute(sql`select ${n}::int as ${sql.identifier(`n${n}`)}`));
  }
  expect(await listPrepared()).toHaveLength(200);
});

test('once a prepared statement is lost, it fails as by a fault of the database, and nothing is prepared any more', async () => {
  const db = drizzle(pool);
  const run = () => db.execute<{ n: number }>(sql`select ${5}::int as n`);
  await repeat(3, run);
  // As a pooler does that hands out another server's connection.
  await pool.query('deallocate all');
  const error = await run().catch((fault: unknown) => fault);
  expect(isDatabaseFault(error)).toBe(true);
  await repeat(4, async () => expect((await run()).rows).toEqual([{ n: 5 }]));
  expect(await listPrepared()).toEqual([]);
});

test('a migration that changes what a prepared statement gives back costs one fault, also in a transaction', async () => {
  const db = drizzle(pool);
  await database.pool.query('create table told (id int)');
  const run = () => db.transaction((tx) => tx.execute(sql`select * from told where id > ${0}::int`));
  await repeat(3, run);
  await database.pool.query('alter table told add column more text');
  const error = await run().catch((fault: unknown) => fault);
  expect(isDatabaseFault(error)).toBe(true);
  await repeat(4, async () => expect((await run()).rows).toEqual([]));
  await database.pool.query('drop table told');
});

test('where statements are not to be prepared, none is', async () => {
  const plain = openPool(database.url, { max: 1, prepares: false });
  try {
    await repeat(5, () => drizzle(plain).execute(sql`select ${1}::int as n`));
    const { rows } = await plain.query('select from pg_prepared_statements');
    expect(rows).toEqual([]);
  } finally {
    await plain.end();
  }
});
