import { setTimeout as delay } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { phoneNumbers } from '@/db/schema/sms';
import { forgetNumbers } from '@/lib/sms/numbers/forget-numbers';
import { lockNumber, markSuppressed } from '@/lib/sms/numbers/number';
import { useDatabase } from '@/tests/support/database';
import { after, givePerson, newPhone, noon } from '@/tests/support/people';

const database = useDatabase();
const day = 24 * 3_600;
const later = (days: number) => after(noon, days * day);

beforeEach(async () => void (await database.db.execute(sql`truncate phone_numbers cascade`)));

type Row = Partial<typeof phoneNumbers.$inferInsert>;

async function giveNumber(row: Row = {}): Promise<string> {
  const number = newPhone();
  await database.db.insert(phoneNumbers).values({ number, ...row });
  return number;
}

const isThere = async (number: string) =>
  (await database.db.$count(phoneNumbers, eq(phoneNumbers.number, number))) === 1;

const acts: Record<string, Row> = {
  'a code was sent to': { proveSends: [later(-3), noon] },
  'a wrong code was entered for': { proveFailures: [noon] },
  'its holder asked for a code at': { proveAgainSends: [noon] },
  'its holder mistyped a code at': { proveAgainFailures: [noon] },
  'a code for sign-in was sent to': { signInSends: [noon] },
  'a code for sign-in was mistyped at': { signInFailures: [noon] },
  'a code for a new password was sent to': { recoverSends: [noon] },
  'a code for a new password was mistyped at': { recoverFailures: [noon] },
  'a carrier could not text': { undeliverableAt: noon },
};
test.each(Object.entries(acts))(
  'a number that %s is known for as long as that counts, and forgotten then',
  async (_, row) => {
    const number = await giveNumber(row);
    expect(await forgetNumbers(database.db, later(2), 10)).toBe(0);
    expect(await isThere(number)).toBe(true);
    expect(await forgetNumbers(database.db, later(3), 10)).toBe(1);
    expect(await isThere(number)).toBe(false);
  },
);

test('one that is held or has opted out stays for ever, one at which nothing happened goes, so does one that a wrong clock wrote', async () => {
  const holder = await givePerson(database.db, { active: true });
  const held = await giveNumber({ holderUserId: holder.userId, heldSince: noon, proveSends: [noon] });
  const optedOut = await giveNumber({ proveSends: [noon] });
  await database.db.transaction((tx) => markSuppressed(tx, { phone: optedOut, by: 'sms_stop', now: noon }));
  const untouched = await giveNumber();
  const ahead = await giveNumber({ proveSends: [later(365)] });
  const endless = await giveNumber();
  await database.db.execute(
    sql`update phone_numbers set undeliverable_at = 'infinity' where number = ${endless}`,
  );
  await forgetNumbers(database.db, later(30), 10);
  for (const number of [held, optedOut]) expect(await isThere(number)).toBe(true);
  for (const number of [untouched, ahead, endless]) expect(await isThere(number)).toBe(false);
});

test('so many go at a time, and those that others hold are left, nobody being waited for', async () => {
  for (let n = 0; n < 5; n += 1) await giveNumber({ proveSends: [noon] });
  const [busy] = await database.db.select().from(phoneNumbers).limit(1);
  await database.db.transaction(async (tx) => {
    await lockNumber(tx, busy!.number);
    expect(await forgetNumbers(database.db, later(9), 3)).toBeGreaterThanOrEqual(2);
    await forgetNumbers(database.db, later(9), 3);
    expect(await database.db.$count(phoneNumbers)).toBe(1);
  });
  expect(await forgetNumbers(database.db, later(9), 3)).toBe(1);
});

test('whoever waits for a row that is being removed gets a new one, and so does the next', async () => {
  const number = await giveNumber({ proveSends: [noon] });
  const locks: Promise<{ proveSends: Date[] }>[] = [];
  const lock = () => database.db.transaction((tx) => lockNumber(tx, number));
  await database.db.transaction(async (tx) => {
    expect(await forgetNumbers(tx as never, later(9), 3)).toBe(1);
    locks.push(lock(), lock());
    await delay(200);
  });
  expect((await Promise.all(locks)).map(({ proveSends }) => proveSends)).toEqual([[], []]);
  expect(await isThere(number)).toBe(true);
});

test('a dispatcher whose clock is days behind takes nothing of today for far ahead', async () => {
  const now = new Date();
  const number = await giveNumber({ proveSends: [now] });
  expect(await forgetNumbers(database.db, new Date(now.getTime() - 5 * day * 1000), 10)).toBe(0);
  expect(await isThere(number)).toBe(true);
});

test('one at which a STOP is unfinished stays until that is done', async () => {
  const number = await giveNumber();
  await database.db
    .execute(sql`insert into sms_unfinished_stops (phone, is_late, medium, at, through_id, after_user_id)
    values (${number}, false, 'sms_stop', now(), 1, gen_random_uuid())`);
  expect(await forgetNumbers(database.db, later(9), 10)).toBe(0);
  await database.db.execute(sql`delete from sms_unfinished_stops`);
  expect(await forgetNumbers(database.db, later(9), 10)).toBe(1);
});
