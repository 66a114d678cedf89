import { afterEach, expect, test } from 'vitest';
import { webhookCalls } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { makeAcceptedCounter, pruneCalls } from '@/lib/sms/webhooks/accepted-calls';
import { recordStatements, useDatabase } from '../../../support/database';
import { after, noon } from '../../../support/people';

const database = useDatabase();
const log = openLog({ level: 'error', write: () => undefined });
const start = (db = () => database.db) => makeAcceptedCounter({ db, log: () => log });

afterEach(() => database.pool.query('truncate webhook_calls'));

async function readCalls() {
  const rows = await database.db.select().from(webhookCalls);
  return rows.map(({ webhook, count, lastAt }) => [webhook, count, lastAt]).sort();
}

test('a thousand calls are one row a webhook and hour, in one statement, with the last of them', async () => {
  const counter = start();
  const statements = await recordStatements(database.pool, async () => {
    for (let n = 0; n < 1000; n += 1) counter.note('status', after(noon, n));
    counter.note('inbound', noon);
    counter.note('status', after(noon, 3600));
    await counter.flush();
  });
  expect(statements).toHaveLength(1);
  expect(await readCalls()).toEqual([
    ['inbound', 1, noon],
    ['status', 1, after(noon, 3600)],
    ['status', 1000, after(noon, 999)],
  ]);
});

test('calls of several processes add up, also where one told of them late, and none is lost while the database is away', async () => {
  let isAway = true;
  const late = start(() => {
    if (isAway) throw new Error('away');
    return database.db;
  });
  late.note('status', noon);
  await late.flush();
  const other = start();
  other.note('status', after(noon, 5));
  await other.flush();
  isAway = false;
  await late.flush();
  expect(await readCalls()).toEqual([['status', 2, after(noon, 5)]]);
});

test('counts are removed after ninety days, so many at a time', async () => {
  const counter = start();
  for (const hours of [0, 1, 2]) counter.note('status', after(noon, hours * 3600));
  await counter.flush();
  const later = after(noon, 90 * 86_400 + 7200);
  expect(await pruneCalls(database.db, noon, 10)).toBe(0);
  expect(await pruneCalls(database.db, later, 1)).toBe(1);
  expect(await pruneCalls(database.db, later, 10)).toBe(1);
  expect(await readCalls()).toHaveLength(1);
});
