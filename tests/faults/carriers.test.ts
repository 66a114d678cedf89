import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { phoneNumbers, smsEnteredCodes, smsMessages } from '@/db/schema/sms';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readNumber } from '@/lib/sms/numbers/number';
import { askForCode, makePerson } from '../support/texts';
import { useWorkers } from './workers-on-fake';

const workers = useWorkers();
const { database } = workers;

test('a worker tells of entered codes and reads lists of numbers out of service, also after it was killed, and ends at once', async () => {
  const person = await makePerson(database.db);
  await database.db
    .update(phoneNumbers)
    .set({ heldSince: new Date(Date.now() - 90 * 86_400_000) })
    .where(eq(phoneNumbers.number, person.phone));
  const { messageId, challengeId } = await askForCode(database.db, person);
  workers.fake.onFeedback = () => 'hang';
  const first = await workers.start();
  await workers.fake.whenSeen(({ texts }) => texts.length === 1);
  const isSent = async () => (await read(messageId)).status === 'sent';
  await expect.poll(isSent, { timeout: 20_000 }).toBe(true);
  const now = new Date();
  await database.db.insert(smsEnteredCodes).values({ challengeId, enteredAt: now, dueAt: now });
  // It dies while it tells, and nobody knows what came of that.
  await workers.fake.whenSeen(({ surveys }) => surveys.some(({ kind }) => kind === 'feedback'));
  await first.killHard();

  workers.fake.onFeedback = () => null;
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  for (let days = 0; days <= 31; days += 1) {
    const day = new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
    workers.fake.deactivations.set(day, day === yesterday ? `13122000000\n${person.phone.slice(1)}\n` : '');
  }
  await database.pool.query('update sms_deactivation_reads set next_at = now()');
  const second = await workers.start();
  const doubt = async () => readDoubt(await readNumber(database.db, person.phone))?.reason;
  await expect.poll(doubt, { timeout: 20_000 }).toBe('out_of_service');
  await expect.poll(() => workers.fake.texts[0]!.feedback, { timeout: 30_000 }).toEqual(['confirmed']);
  expect(second.output()).not.toContain(person.phone.slice(2));
  expect(await second.stop()).toBe(0);
  expect(await database.db.$count(smsEnteredCodes)).toBe(0);
});

async function read(messageId: string) {
  const [text] = await database.db.select().from(smsMessages).where(eq(smsMessages.id, messageId));
  return text!;
}
