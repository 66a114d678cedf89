import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sql } from 'drizzle-orm';
import { listMyEvents } from '@/lib/applications/my-applications';
import { takeTextAnswer } from '@/lib/applications/take-text-answer';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { developmentSender } from '@/lib/sms/capacity/sender';
import { giveApplicant, giveSubmitted } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';

const database = useDatabase();

async function write(phone: string, body: string, seconds: number, sid: string = randomUUID()) {
  const text = { sid, from: phone, to: developmentSender, messagingServiceSid: null, body, optOutType: null };
  const received = await receiveText(database.db, text, contextAt(after(noon, seconds)), {
    takeAnswer: takeTextAnswer,
  });
  if (!received.ok) throw new Error(received.reason);
  return received;
}

const answersOf = async (userId: string, id: string) =>
  (await listMyEvents(database.db, userId, id, after(noon, 1e6)))
    .filter(({ kind }) => kind === 'answered')
    .map(({ note, byText }) => ({ note, byText }));

test('a text joins the one open application of who proved the number, once, and that is said once a day', async () => {
  const applicant = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, applicant, noon);
  const sid = randomUUID();
  const first = await write(applicant.phone, 'My lease is in the mail', 10, sid);
  expect(first.reply?.body).toMatch(/^Doorstep: your text was added to your application/);
  expect(await write(applicant.phone, 'My lease is in the mail', 11, sid)).toMatchObject({
    isDuplicate: true,
  });
  expect((await write(applicant.phone, 'And a photo', 20)).reply).toBeNull();
  expect(await answersOf(applicant.userId, id)).toEqual([
    { note: 'My lease is in the mail', byText: true },
    { note: 'And a photo', byText: true },
  ]);
  expect((await write(applicant.phone, 'Hello?', 25 * 3600)).reply).not.toBeNull();
});

test('keywords are obeyed and join nothing', async () => {
  const applicant = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, applicant, noon);
  for (const [index, word] of ['HELP', 'STOP', 'START'].entries()) await write(applicant.phone, word, index);
  expect(await answersOf(applicant.userId, id)).toEqual([]);
});

test('where it is not certain whose it is, or which is meant, it joins nothing', async () => {
  const applicant = await giveApplicant(database.db);
  const first = await giveSubmitted(database.db, applicant, noon);
  await giveSubmitted(database.db, applicant, noon);
  expect((await write(applicant.phone, 'Which one?', 1)).reply).toBeNull();
  const other = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, other, noon);
  await database.db.execute(
    sql`update phone_numbers set holder_user_id = null where number = ${other.phone}`,
  );
  expect((await write(other.phone, 'Mine?', 1)).reply).toBeNull();
  expect(await answersOf(applicant.userId, first.id)).toEqual([]);
  expect(await answersOf(other.userId, id)).toEqual([]);
});

test('thirty texts a day join one application, and those that come together are all kept', async () => {
  const applicant = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, applicant, noon);
  await Promise.all(Array.from({ length: 40 }, (_, index) => write(applicant.phone, `Text ${index}`, index)));
  expect(await answersOf(applicant.userId, id)).toHaveLength(30);
});
