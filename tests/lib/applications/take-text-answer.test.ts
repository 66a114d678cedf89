import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sql } from 'drizzle-orm';
import { listMyEvents } from '@/lib/applications/my-applications';
import { takeTextAnswer } from '@/lib/applications/take-text-answer';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { developmentSender } from '@/lib/sms/senders/sender';
import { moveApplication } from '@/lib/applications/move-application';
import { giveApplicant, giveStaff, giveSubmitted, readApplicationRow } from '@/tests/support/applications';
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

test('who opted out in words of their own hears nothing, not even that what they wrote was taken', async () => {
  const applicant = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, applicant, noon);
  await write(applicant.phone, 'please stop texting me', 10);
  expect((await write(applicant.phone, 'My lease is in the mail', 20)).reply).toBeNull();
  expect(await answersOf(applicant.userId, id)).toHaveLength(1);
});

test('a reaction to one of our texts, or a picture alone, is no answer', async () => {
  const applicant = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, applicant, noon);
  const ours =
    'Doorstep: something is needed for your application. Read what at https://a.example Reply STOP to opt out.';
  for (const [index, body] of [`Liked “${ours}”`, '', ' '].entries()) {
    expect((await write(applicant.phone, body, index)).reply).toBeNull();
  }
  expect(await answersOf(applicant.userId, id)).toEqual([]);
});

test('what was sent before a request could be seen does not answer it, and a move that is not shown changes no reply', async () => {
  const applicant = await giveApplicant(database.db);
  const staff = await giveStaff(database.db);
  const { id, version } = await giveSubmitted(database.db, applicant, noon);
  const asked = { id, to: 'documents_needed', version, note: 'A lease' } as const;
  await moveApplication(database.db, staff, asked, contextAt(after(noon, 60)));
  expect((await write(applicant.phone, 'Any news?', 65)).reply).not.toBeNull();
  expect((await readApplicationRow(database.db, id)).notices.map(({ state }) => state)).toEqual([
    'waiting',
    'waiting',
    'waiting',
  ]);
  await write(applicant.phone, 'Here is my lease', 80);
  expect((await readApplicationRow(database.db, id)).notices.map(({ state }) => state)).toEqual([
    'superseded',
    'superseded',
    'superseded',
  ]);
  const other = await giveApplicant(database.db);
  const decided = await giveSubmitted(database.db, other, noon);
  await database.db.execute(sql`update applications set status = 'in_review' where id = ${decided.id}`);
  const wanted = { id: decided.id, to: 'approved', version: decided.version } as const;
  await moveApplication(database.db, staff, wanted, contextAt(after(noon, 60)));
  expect((await write(other.phone, 'Any news?', 65)).reply).not.toBeNull();
});

test('keywords are obeyed and join nothing', async () => {
  const applicant = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, applicant, noon);
  for (const [index, word] of ['HELP', 'STOP', 'START'].entries()) await write(applicant.phone, word, index);
  expect(await answersOf(applicant.userId, id)).toEqual([]);
});

test('where it is not certain which is meant it joins nothing, and its writer is asked once a day', async () => {
  const applicant = await giveApplicant(database.db);
  const first = await giveSubmitted(database.db, applicant, noon);
  await giveSubmitted(database.db, applicant, noon);
  expect((await write(applicant.phone, 'Which one?', 1)).reply?.body).toMatch(
    /^Doorstep: we cannot tell which of your applications/,
  );
  expect((await write(applicant.phone, 'The first one', 2)).reply).toBeNull();
  expect((await write(applicant.phone, 'Hello?', 25 * 3600)).reply).not.toBeNull();
  expect(await answersOf(applicant.userId, first.id)).toEqual([]);
});

test('nor where it is not certain whose it is', async () => {
  const other = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, other, noon);
  await database.db.execute(
    sql`update phone_numbers set holder_user_id = null where number = ${other.phone}`,
  );
  expect((await write(other.phone, 'Mine?', 1)).reply).toBeNull();
  expect(await answersOf(other.userId, id)).toEqual([]);
});

test('thirty texts a day join one application, and those that come together are all kept', async () => {
  const applicant = await giveApplicant(database.db);
  const { id } = await giveSubmitted(database.db, applicant, noon);
  await Promise.all(Array.from({ length: 40 }, (_, index) => write(applicant.phone, `Text ${index}`, index)));
  expect(await answersOf(applicant.userId, id)).toHaveLength(30);
});
