import { sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { openLog } from '@/lib/log';
import { askForRecovery } from '@/lib/sms/verification/recovery';
import { sendRecoveryCodes } from '@/lib/sms/verification/send-recovery-codes';
import { useDatabase } from '../../../support/database';
import { contextAt } from '../../../support/people';
import { makePerson, type Person } from '../../../support/texts';

const database = useDatabase();
const log = openLog({ level: 'error', write: () => undefined });

beforeEach(() => database.db.execute(sql`truncate recoveries, sms_messages`));

/** Someone who forgot their password and asks for a code by text, so many seconds ago. */
async function forget(secondsAgo = 0): Promise<Person> {
  const person = await makePerson(database.db);
  await database.db.execute(sql`update phone_numbers set held_since = now() where number = ${person.phone}`);
  const at = new Date(Date.now() - secondsAgo * 1000);
  const email = `${person.userId}@example.com`;
  await askForRecovery(database.db, { email, token: null }, contextAt(at));
  return person;
}

async function countCodes({ userId }: Person): Promise<number> {
  const { rows } = await database.db.execute(sql`select 1 from sms_messages where user_id = ${userId}`);
  return rows.length;
}

test.each([
  ['say that they live for ever', `update recoveries set expires_at = 'infinity'`],
  [
    'cannot be handled',
    `update phone_numbers set recover_sends = array[null]::timestamptz[], recover_failures = array[null]::timestamptz[]`,
  ],
])(
  'fifty requests that %s keep nobody behind them waiting for a code',
  async (_what, wrong) => {
    for (let count = 0; count < 50; count += 1) await forget(2);
    await database.db.execute(sql.raw(wrong));
    const person = await forget();
    await sendRecoveryCodes(database.db, new Date(), log);
    await sendRecoveryCodes(database.db, new Date(), log);
    expect(await countCodes(person)).toBe(1);
  },
  30_000,
);

test('one whose number someone holds is looked at again later, and others get their codes at once', async () => {
  const held = [await forget(3), await forget(2), await forget(1)];
  const person = await forget();
  const client = await database.pool.connect();
  await client.query('begin');
  await client.query('select from phone_numbers where number = any($1) for update', [
    held.map(({ phone }) => phone),
  ]);
  const begunMs = performance.now();
  await sendRecoveryCodes(database.db, new Date(), log);
  // Each waits for so long by itself that it would be seconds one after the other.
  expect(performance.now() - begunMs).toBeLessThan(2_500);
  expect(await countCodes(person)).toBe(1);
  await client.query('rollback');
  client.release();
  await sendRecoveryCodes(database.db, new Date(), log);
  expect(await Promise.all(held.map(countCodes))).toEqual([0, 0, 0]);
  await sendRecoveryCodes(database.db, new Date(Date.now() + 6_000), log);
  expect(await Promise.all(held.map(countCodes))).toEqual([1, 1, 1]);
});

test('a request of a clock that was ahead is not left until that moment comes', async () => {
  const person = await forget();
  await database.db.execute(sql`update recoveries set asked_at = now() + interval '5 minutes'`);
  await sendRecoveryCodes(database.db, new Date(), log);
  expect(await countCodes(person)).toBe(1);
});
