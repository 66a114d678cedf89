import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { databaseNow, keepDatabaseClock, readDatabaseClock } from '@/db/clock';
import type { Db } from '@/db/client';
import { useDatabase } from '../support/database';

const database = useDatabase();
const hour = 3_600_000;
let clock: { stop(): void } | undefined;

afterEach(() => {
  clock?.stop();
  vi.restoreAllMocks();
});

function setMachineClock(aheadMs: number): void {
  const real = Date.now.bind(Date);
  const start = performance.timeOrigin;
  expect(Math.abs(real() - start - performance.now())).toBeLessThan(hour);
  vi.spyOn(Date, 'now').mockImplementation(() => Math.round(start + performance.now() + aheadMs));
}

test.each([20 * 60_000, -365 * 24 * hour, 900])(
  'the clock of a machine that is off by %i ms is put right by the database’s',
  async (aheadMs) => {
    setMachineClock(aheadMs);
    const told: number[] = [];
    clock = await keepDatabaseClock(database.db, { onSkew: (ms) => told.push(ms) });
    const right = await readDatabaseClock(database.db);
    expect(Math.abs(databaseNow().getTime() - right.getTime())).toBeLessThan(1_000);
    expect(told).toHaveLength(Math.abs(aheadMs) > 2_000 ? 1 : 0);
    for (const ms of told) expect(Math.abs(ms - aheadMs)).toBeLessThan(1_000);
    expect(Number.isInteger(databaseNow().getTime())).toBe(true);
  },
);

test('a database that does not answer keeps nobody for longer than three seconds, and its last known time goes on', async () => {
  setMachineClock(hour);
  clock = await keepDatabaseClock(database.db, { onSkew: () => undefined });
  clock.stop();
  const known = databaseNow().getTime();
  const silent = { execute: () => new Promise(() => undefined) } as unknown as Db;
  const startedAt = performance.now();
  clock = await keepDatabaseClock(silent, { onSkew: () => undefined });
  expect(performance.now() - startedAt).toBeLessThan(4_500);
  expect(databaseNow().getTime() - known).toBeLessThan(5_000);
  const broken = { execute: () => Promise.reject(new Error('gone')) } as unknown as Db;
  (await keepDatabaseClock(broken, { onSkew: () => undefined })).stop();
  expect(databaseNow().getTime() - known).toBeLessThan(6_000);
});

test('an answer that took longer than a second changes nothing', async () => {
  clock = await keepDatabaseClock(database.db, { onSkew: () => undefined });
  clock.stop();
  const told: number[] = [];
  const slow = {
    execute: async () => {
      await delay(1_100);
      return { rows: [{ now_ms: 0 }] };
    },
  } as unknown as Db;
  clock = await keepDatabaseClock(slow, { onSkew: (ms) => told.push(ms) });
  expect(told).toEqual([]);
  expect(Math.abs(databaseNow().getTime() - Date.now())).toBeLessThan(1_000);
});

test('what is set on this machine moves nothing, and what is set on the database’s is followed within some seconds', async () => {
  let setMs = 0;
  const moved = {
    execute: async (query: Parameters<Db['execute']>[0]) => {
      const { rows } = await database.db.execute<{ now_ms: number }>(query as never);
      return { rows: [{ now_ms: rows[0]!.now_ms + setMs }] };
    },
  } as unknown as Db;
  clock = await keepDatabaseClock(moved, { onSkew: () => undefined });
  const offMs = async () => databaseNow().getTime() - (await readDatabaseClock(database.db)).getTime();
  setMachineClock(hour);
  expect(Math.abs(await offMs())).toBeLessThan(1_000);
  setMs = -hour;
  await expect.poll(async () => Math.abs((await offMs()) + hour), { timeout: 5_000 }).toBeLessThan(1_000);
  setMs = 0;
  await expect.poll(async () => Math.abs(await offMs()), { timeout: 5_000 }).toBeLessThan(1_000);
}, 20_000);
