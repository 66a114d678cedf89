import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { insertUser } from '@/lib/accounts/users';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { newId } from '@/lib/random';
import { openPhoneId } from '@/lib/reporting/phone-id';
import { readPersonTexts, type PersonTexts } from '@/lib/reporting/person-texts';
import { capsOf } from '@/lib/sms/capacity/budget';
import { env } from '@/lib/env';
import { useDatabase } from '@/tests/support/database';
import { after, noon } from '@/tests/support/people';
import { askForCode, askForUpdate, makePerson } from '@/tests/support/texts';

const database = useDatabase();
const read = async (userId: string, receiptsBefore: number | null = null): Promise<PersonTexts> =>
  (await readPersonTexts(database.db, userId, { adminId: newId(), receiptsBefore, now: noon }))!;

test('a person is shown with their texts, consents with receipts, limits and what the next text would meet', async () => {
  const { db } = database;
  const person = await makePerson(db);
  const { userId, phone } = person;
  for (let n = 0; n < 12; n += 1) await askForUpdate(db, person, { now: after(noon, -n), sendAfter: noon });
  await askForCode(db, person, after(noon, -40));
  const page = await read(userId);
  expect(page).toMatchObject({
    id: userId,
    name: 'Person',
    number: { state: 'verified', stopped: null, doubt: null, maskedPhone: `•••${phone.slice(-4)}` },
    hasOlderTexts: true,
    attempts: [],
    optOuts: [],
    olderReceipts: null,
  });
  expect(openPhoneId(page.number!.phoneId)).toBe(phone);
  expect(page.texts).toHaveLength(10);
  expect(page.receipts.map(({ scope, action, wording }) => [scope, action, wording !== null])).toEqual([
    ['updates', 'granted', true],
    ['verification', 'granted', true],
  ]);
  expect(page.next.map(({ kind }) => kind)).toEqual(['code', 'news', 'reminder', 'notice']);
  expect(page.limits.map(({ sends }) => sends.remaining)).toEqual([2, 3, 3, 3]);
  expect(JSON.stringify({ ...page, spend: [] })).not.toContain(phone.slice(-7));
});

test('what was said at their number is listed, the last first, and it keeps every text back', async () => {
  const { db } = database;
  const person = await makePerson(db);
  const { userId, phone } = person;
  const stop = (at: Date) =>
    db.execute(sql`insert into sms_opt_outs (at, phone, act, channel, covers, recorded_by)
      values (${at.toISOString()}::timestamptz, ${phone}, 'opted_out', 'text', '{verification,updates}', 'inbound_webhook')`);
  await stop(after(noon, -30));
  await db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: noon }));
  const page = await read(userId);
  expect(page.optOuts.map(({ at }) => at)).toEqual([noon, after(noon, -30)]);
  expect(page.number).toMatchObject({ stopped: 'all' });
  expect(page.next.length).toBeGreaterThan(2);
  for (const { gates } of page.next) {
    expect(gates.find(({ gate }) => gate === 'opt_out')).toMatchObject({ answer: 'refuse' });
  }
});

test('each kind of text has what is left of its own cap, the one with the least room', async () => {
  const { db } = database;
  const { userId, phone } = await makePerson(db);
  const {
    smsDailyBudgetPerUserMicros: perUserMicros,
    smsDailyBudgetMicros: totalMicros,
    authSecrets,
  } = env();
  const payer = {
    userId,
    emailKey: `${userId}@example.com`,
    emailProven: false,
    phone,
    network: null,
    wideNetwork: null,
  };
  const spend = async (purpose: string, sendClass: 'sign_in' | null, which: number, micros: number) => {
    const caps = capsOf(
      { ...payer, purpose, sendClass, priceMicros: 0 },
      { perUserMicros, totalMicros },
      authSecrets,
    );
    const own = caps.filter(({ rule }) => rule === 'SMS_DAILY_BUDGET_PER_USER_USD');
    await db.execute(sql`insert into sms_spend (scope, minute, micros)
      values (${own[which]!.scope}, ${noon.toISOString()}::timestamptz, ${micros})`);
  };
  await spend('update', null, 0, 7_900);
  await spend('update', null, 1, 15_800);
  await spend('notice', null, 0, 100);
  const limitMicros = BigInt(perUserMicros);
  expect((await read(userId)).spend).toEqual([
    { counts: 'updates_and_proofs', spentMicros: 15_800n, limitMicros },
    { counts: 'sign_in', spentMicros: 0n, limitMicros },
    { counts: 'recover', spentMicros: 0n, limitMicros },
    { counts: 'notices', spentMicros: 100n, limitMicros },
  ]);
});

test('receipts go on page after page, and someone without a number has a page, too', async () => {
  const { db } = database;
  const { userId } = await makePerson(db);
  await db.execute(sql`
    insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
    select now(), ${userId}, '+15550000000', 'updates', 'withdrawn', 'preferences', 'Doorstep' from generate_series(1, 40)`);
  const ids: number[] = [];
  let before: number | null = null;
  do {
    const page: PersonTexts = await read(userId, before);
    ids.push(...page.receipts.map(({ id }) => id));
    before = page.olderReceipts;
  } while (before !== null);
  expect(ids).toHaveLength(42);
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => b - a));

  const id = newId();
  const email = `${id}@example.com`;
  await insertUser(db, {
    ...{ id, email, name: 'Ada', passwordHash: '-', role: 'admin', phone: null, active: true, now: noon },
  });
  expect(await read(id)).toMatchObject({ number: null, next: [], limits: [], texts: [], receipts: [] });
});

test.each(['', 'x', "' or true", newId()])('nobody has the id %j', async (id) => {
  const seen = { adminId: newId(), receiptsBefore: null, now: noon };
  expect(await readPersonTexts(database.db, id, seen)).toBeNull();
});
