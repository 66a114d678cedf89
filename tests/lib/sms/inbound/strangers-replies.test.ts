import { eq } from 'drizzle-orm';
import { beforeAll, expect, test } from 'vitest';
import { phoneNumbers, smsMessages } from '@/db/schema/sms';
import { newId } from '@/lib/random';
import { changeSpend, sumSpend } from '@/lib/sms/capacity/budget';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { developmentSender } from '@/lib/sms/senders/sender';
import { readNumber } from '@/lib/sms/numbers/number';
import { useDatabase } from '../../../support/database';
import { after, contextAt, givePerson, newPhone, noon } from '../../../support/people';
import '../../../support/texts';

const database = useDatabase();

beforeAll(() => {
  // The settings are read on first use.
  process.env.SMS_DAILY_BUDGET_USD = '1';
});

async function isAnswered(from: string, body: string, now = noon): Promise<boolean> {
  const sid = `SM${newId().replaceAll('-', '')}`;
  const text = { sid, from, to: developmentSender, messagingServiceSid: null, body, optOutType: null };
  const answer = await receiveText(database.db, text, contextAt(now));
  return answer.ok && answer.reply !== null;
}

test('answers to numbers that nobody has proven take a twentieth of the budget, and nobody else goes without one', async () => {
  let answers = 0;
  for (let times = 0; times < 10; times += 1) if (await isAnswered(newPhone(), 'help me')) answers += 1;
  expect(answers).toBeGreaterThan(0);
  const spent = await sumSpend(database.db, 'all', noon);
  expect(spent).toBeLessThanOrEqual(50_000n);
  expect(await isAnswered(newPhone(), 'help me')).toBe(false);

  const phone = newPhone();
  const { userId } = await givePerson(database.db, { active: true, phone });
  await database.db.insert(phoneNumbers).values({ number: phone, holderUserId: userId, heldSince: noon });
  expect(await isAnswered(phone, 'help me')).toBe(true);
  expect(await isAnswered(newPhone(), 'stop it')).toBe(true);
  expect(await isAnswered(newPhone(), 'help me', after(noon, 25 * 3600))).toBe(true);
});

test.each([
  ...['+447911123456', '+8821612345678', '+881612345678', '+19005551234', '+18005551234', '+15005551234'],
  ...['+882161234567', '72975', '15552000001', '5552000001', '+123'],
])('no text is answered at %s, which is not served, and each is kept and obeyed', async (from) => {
  const day = after(noon, 400 * 3600);
  const before = await sumSpend(database.db, 'all', day);
  expect(await isAnswered(from, 'help me', day)).toBe(false);
  expect(await isAnswered(from, 'stop it', day)).toBe(false);
  expect((await readNumber(database.db, from))!.suppressedAt).not.toBeNull();
  expect(await isAnswered(from, 'start again', after(day, 60))).toBe(false);
  expect((await readNumber(database.db, from))!.suppressedAt).toBeNull();
  expect(await database.db.$count(smsMessages, eq(smsMessages.phone, from))).toBe(3);
  expect(await sumSpend(database.db, 'all', day)).toBe(before);
});

test('answers to proven numbers take a tenth of the budget, confirmations of their STOPs another, and none what is kept', async () => {
  const night = after(noon, 100 * 3600);
  const holder = async () => {
    const phone = newPhone();
    const { userId } = await givePerson(database.db, { active: true, phone });
    await database.db.insert(phoneNumbers).values({ number: phone, holderUserId: userId, heldSince: noon });
    return phone;
  };
  const countAnswers = async (words: string) => {
    let answers = 0;
    for (let times = 0; times < 12; times += 1)
      if (await isAnswered(await holder(), words, night)) answers += 1;
    return answers;
  };
  const answers = await countAnswers('help me');
  expect(answers).toBeGreaterThan(0);
  expect(answers).toBeLessThan(12);
  expect(await sumSpend(database.db, 'all', night)).toBeLessThanOrEqual(100_000n);
  expect(await countAnswers('stop it')).toBeGreaterThan(0);
  expect(await sumSpend(database.db, 'all', night)).toBeLessThanOrEqual(200_000n);

  const later = after(night, 30 * 3600);
  await changeSpend(database.db, [{ scopes: ['all'], reservedAt: later, micros: 895_000n }]);
  expect(await isAnswered(await holder(), 'help me', later)).toBe(false);
  expect(await sumSpend(database.db, 'all', later)).toBe(895_000n);
});

test('confirmations of STOPs from numbers that nobody has proven take another, and every one of them is obeyed', async () => {
  const evening = after(noon, 60 * 3600);
  const before = await sumSpend(database.db, 'all', evening);
  let confirmed = 0;
  let last = '';
  for (let times = 0; times < 12; times += 1) {
    last = newPhone();
    if (await isAnswered(last, 'stop it', evening)) confirmed += 1;
  }
  expect(confirmed).toBeGreaterThan(0);
  expect(confirmed).toBeLessThan(12);
  expect((await sumSpend(database.db, 'all', evening)) - before).toBeLessThanOrEqual(50_000n);
  expect((await readNumber(database.db, last))!.suppressedAt).not.toBeNull();
  expect(await isAnswered(newPhone(), 'help me', evening)).toBe(true);
});
