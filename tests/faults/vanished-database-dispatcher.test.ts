import { setTimeout as delay } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool } from '@/db/client';
import { smsMessages } from '@/db/schema/sms';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { useDatabase } from '../support/database';
import { startFakeTwilio, type FakeTwilio } from '../support/fake-twilio';
import { startStallingProxy, type StallingProxy } from '../support/stalling-proxy';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  makeEnv,
  makePerson,
  readText,
  twilioVariables,
  whenText,
  type Person,
} from '../support/texts';

const database = useDatabase();
let proxy: StallingProxy;
let pool: Pool;
let fake: FakeTwilio;

beforeAll(async () => {
  proxy = await startStallingProxy(database.url);
  pool = openPool(proxy.url, { connectTimeoutMs: 500, statementTimeoutMs: 1_500, queryTimeoutMs: 2_000 });
  fake = await startFakeTwilio({ accountSid, authToken });
});
afterAll(async () => {
  await pool.end();
  await fake.stop();
  await proxy.close();
});

test('a dispatcher whose database vanishes time and again sends every text exactly once', async () => {
  const people: Person[] = [];
  for (let index = 0; index < 60; index += 1) people.push(await makePerson(database.db));
  const ids: string[] = [];
  const ask = async (index: number): Promise<void> => {
    const person = people[index]!;
    ids[index] =
      index % 4 === 0
        ? (await askForCode(database.db, person)).messageId
        : await askForUpdate(database.db, person);
  };
  for (let index = 0; index < 40; index += 1) await ask(index);

  const env = makeEnv(proxy.url, { ...twilioVariables(fake.url), SMS_MESSAGES_PER_SECOND: '20' });
  const dispatcher = runDispatcher({
    env,
    db: drizzle(pool),
    provider: await openProvider(env),
    log: () => undefined,
  });
  // Longer than the timeouts of statements, and shorter; the second time between a call and its record.
  for (const [index, awayMs] of [3_000, 300].entries()) {
    const before = fake.texts.length;
    if (index === 1) {
      fake.onCreate = () => ({ kind: 'accept_after', before: async () => proxy.stall() });
      await fake.whenSeen(() => fake.texts.length > before);
      fake.onCreate = () => null;
    } else {
      await fake.whenSeen(() => fake.texts.length >= 8);
      proxy.stall();
    }
    await delay(awayMs);
    proxy.resume();
  }
  const backAtMs = Date.now();
  for (let index = 40; index < 60; index += 1) await ask(index);

  const late = await makePerson(database.db);
  const { messageId } = await askForCode(database.db, late);
  await whenText(database.db, messageId, (row) => row.status === 'sent', 20_000);
  expect(Date.now() - backAtMs).toBeLessThan(20_000);

  for (const id of ids) await whenText(database.db, id, (row) => row.status === 'sent', 60_000);
  for (const [index, person] of people.entries()) {
    const accepted = fake.texts.filter(({ to }) => to === person.phone).map(({ sid }) => sid);
    expect(accepted).toEqual([(await readText(database.db, ids[index]!)).providerSid]);
  }
  const rows = await database.db.select().from(smsMessages);
  expect(rows).toHaveLength(people.length + 1);
  for (const row of rows) {
    expect(row.unknownSince).toBeNull();
    expect(row.estimatedPrice ?? row.price).not.toBeNull();
  }
  await dispatcher.stop();
}, 150_000);

test('a dispatcher can be told to stop while its database is gone', async () => {
  const env = makeEnv(proxy.url, twilioVariables(fake.url));
  const dispatcher = runDispatcher({ env, db: drizzle(pool), log: () => undefined });
  const person = await makePerson(database.db);
  const { messageId } = await askForCode(database.db, person);
  await whenText(database.db, messageId, (row) => row.status === 'sent');
  proxy.stall();
  try {
    const stopped = dispatcher.stop().then(() => 'stopped');
    expect(await Promise.race([stopped, delay(15_000, 'still running')])).toBe('stopped');
  } finally {
    proxy.resume();
  }
});
