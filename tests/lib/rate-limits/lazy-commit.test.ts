import { afterAll, beforeAll, expect, test } from 'vitest';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { openPool } from '@/db/client';
import { commitWithNext } from '@/db/lazy-commit';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { takeSettingsHit } from '@/lib/rate-limits/by-account';
import { takeHits } from '@/lib/rate-limits/hits';
import { newId } from '@/lib/random';
import { useDatabase } from '@/tests/support/database';
import { noon } from '@/tests/support/people';

const database = useDatabase();
const times = 60;

// One connection, so that what it wrote to disk is what these commits waited for.
let pool: Pool;
beforeAll(() => {
  pool = openPool(database.url, { max: 1 });
});
afterAll(() => pool.end());

/** How often the connection wrote its log of changes by itself, which a commit that waits does, while something ran. */
async function countWaits(run: (index: number) => Promise<unknown>): Promise<number> {
  const read = async () => {
    await pool.query('select pg_stat_force_next_flush()');
    const { rows } = await pool.query<{ writes: string }>(
      `select sum(writes) as writes from pg_stat_get_backend_io(pg_backend_pid()) where object = 'wal'`,
    );
    return Number(rows[0]!.writes);
  };
  // The servers of tests wait for nothing otherwise.
  await pool.query('set synchronous_commit = on');
  const before = await read();
  for (let index = 0; index < times; index += 1) await run(index);
  return (await read()) - before;
}

test('an ordinary commit waits for the disk, which is how these tests know', async () => {
  const waits = await countWaits((index) =>
    pool.query(`insert into rate_limits (key, empty_at) values ($1, now())`, [`waits:${index}`]),
  );
  expect(waits).toBeGreaterThan(times / 2);
});

test('counts of tries wait for no disk, refused ones neither', async () => {
  const db = drizzle(pool);
  const waits = await countWaits(async (index) => {
    await takeAddressHit(db, 'register', '192.0.2.90', noon);
    await takeAddressHit(db, 'register', `192.0.2.${index}`, noon);
    const hit = await takeSettingsHit(db, { userId: newId(), kind: 'preferences' }, noon);
    if (hit.ok) await hit.refund();
  });
  // Now and then a buffer is full.
  expect(waits).toBeLessThan(times / 5);
});

test('a transaction leaves the wait to the next, and no other does', async () => {
  const db = drizzle(pool);
  const write = (key: string) =>
    pool.query(`insert into rate_limits (key, empty_at) values ($1, now())`, [key]);
  const waits = await countWaits(async (index) => {
    await db.transaction(async (tx) => {
      await tx.execute(`insert into rate_limits (key, empty_at) values ('lazy:${index}', now())`);
      await commitWithNext(tx);
    });
    await write(`next:${index}`);
  });
  expect(waits).toBeGreaterThan(times / 2);
  expect(waits).toBeLessThanOrEqual(times + times / 5);
});

test('counting within a transaction leaves its commit as it is', async () => {
  const waits = await countWaits((index) =>
    drizzle(pool).transaction(async (tx) => {
      const taken = await takeHits(
        tx,
        [{ keys: [`inside:${index}`], rules: [{ limit: 1, windowSeconds: 60 }] }],
        noon,
      );
      if (taken.ok) await taken.refund();
    }),
  );
  expect(waits).toBeGreaterThan(times / 2);
});
