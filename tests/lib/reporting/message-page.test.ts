import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { decideNotices } from '@/lib/applications/decide-notices';
import { moveApplication } from '@/lib/applications/move-application';
import { readMessagePage, type SeenMessage } from '@/lib/reporting/message-page';
import { searchTexts } from '@/lib/reporting/sms-texts';
import { enqueueRetry } from '@/lib/sms/delivery/after-failure';
import { readOpenCode } from '@/lib/sms/verification/challenge';
import { logVerification } from '@/lib/sms/verification/verification-log';
import { giveApplicant, giveStaff, giveSubmitted } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { askForCode, makePerson } from '@/tests/support/texts';

const database = useDatabase();
const adminId = randomUUID();

async function read(id: string, now = after(noon, 600)): Promise<SeenMessage> {
  return (await readMessagePage(database.db, id, { adminId, now }))!.message;
}

const search = { status: null, template: null, errorCode: null, before: null };

test('a text about an application leads to it and to its own repetition, and the repetition back to both', async () => {
  const { db } = database;
  const [applicant, staff] = [await giveApplicant(db), await giveStaff(db)];
  const { id: applicationId, version } = await giveSubmitted(db, applicant, noon);
  const move = { id: applicationId, version, to: 'in_review' as const, note: null };
  expect(await moveApplication(db, staff, move, contextAt(after(noon, 60)))).toMatchObject({ ok: true });
  await decideNotices(db, after(noon, 70), { onFault: (_, error) => expect.fail(String(error)) });
  const [first] = await db.select().from(smsMessages).where(eq(smsMessages.userId, applicant.userId));
  const moments = { firstClaimedAt: after(noon, 80), sentAt: after(noon, 90), failedAt: after(noon, 100) };
  await db
    .update(smsMessages)
    .set({ ...moments, status: 'failed', reason: 'handset_unreachable', errorCode: 30_003 })
    .where(eq(smsMessages.id, first!.id));
  const again = { sendAfter: after(noon, 400), now: after(noon, 100) };
  await db.transaction((tx) => enqueueRetry(tx, first!.id, again));

  const subject = { kind: 'application' as const, id: applicationId };
  const { texts } = await searchTexts(db, { ...search, subject }, 9);
  expect(texts.map(({ errorCode }) => errorCode)).toEqual([null, 30_003]);
  const { texts: failed } = await searchTexts(db, { ...search, subject, status: 'failed' }, 9);
  expect(failed.map(({ id }) => id)).toEqual([first!.id]);

  const retry = await read(texts[0]!.id);
  expect(retry).toMatchObject({ applicationId, person: { id: applicant.userId } });
  expect(retry.life).toContainEqual(
    expect.objectContaining({ kind: 'try', id: first!.id, isEarlier: true, status: 'failed' }),
  );
  const told = await read(first!.id);
  expect(told).toMatchObject({ applicationId, maskedPhone: `•••${applicant.phone.slice(-4)}` });
  const said = told.life.map((event) => ('what' in event ? event.what : event.kind));
  expect(said).toEqual(['due', 'decided', 'written', 'claimed', 'sent', 'failed', 'try']);
  expect(told.life.map(({ at }) => at.getTime())).toEqual(
    told.life.map(({ at }) => at.getTime()).sort((a, b) => a - b),
  );
});

test('the life of a code has its challenge and its attempts, and never the code or the whole number', async () => {
  const { db } = database;
  const person = await makePerson(db);
  const { messageId, challengeId } = await askForCode(db, person, noon);
  const { code } = (await readOpenCode(db, challengeId, noon))!;
  const about = { userId: person.userId, phone: person.phone, challengeId };
  await logVerification(db, 'wrong_code', about, contextAt(after(noon, 30)));
  const message = await read(messageId, after(noon, 60));
  expect(message.life).toMatchObject([
    { kind: 'challenge', what: 'opened' },
    { kind: 'text', what: 'written' },
    { kind: 'text', what: 'due' },
    { kind: 'attempt', event: 'wrong_code', at: after(noon, 30) },
    { kind: 'text', what: 'worthless' },
  ]);
  expect(message.gates).not.toBeNull();
  expect(JSON.stringify(message)).not.toMatch(new RegExp(`${code}|${person.phone.slice(2)}`));
});

test('what a person wrote is shown with whatever could be a number or a code hidden', async () => {
  const id = randomUUID();
  const body = 'my code is 481516, call +1 212 555 0100';
  await database.db.insert(smsMessages).values({
    ...{ id, direction: 'in', phone: '+12125550100', purpose: 'inbound', template: 'inbound', body },
    ...{ createdAt: noon, sendAfter: noon, status: 'received' },
  });
  const message = await read(id);
  expect(message.inboundBody).toBe('my code is [digits], call [number]');
  expect(message).toMatchObject({ gates: null, life: [{ what: 'received' }] });
});

test('an erased text says so, and there is no page of one that never was', async () => {
  const id = randomUUID();
  await database.db.insert(smsMessages).values({
    ...{ id, phone: '', purpose: 'update', template: 'applicationStatus', status: 'delivered' },
    ...{ createdAt: noon, sendAfter: noon, erasedAt: after(noon, 9) },
  });
  expect(await read(id)).toMatchObject({ maskedPhone: null, person: null, gates: null });
  for (const none of [randomUUID(), 'x', '']) {
    expect(await readMessagePage(database.db, none, { adminId, now: noon })).toBeNull();
  }
});

test('a row that is broken is shown as far as it can be', async () => {
  const person = await makePerson(database.db);
  const { messageId } = await askForCode(database.db, person, noon);
  await database.db.execute(sql`
    update sms_messages set send_class = 'none of ours', send_after = 'infinity', attempted_at = '-infinity', attempts = 1
    where id = ${messageId}`);
  const { gates, life } = await read(messageId);
  expect(gates).toBeNull();
  expect(life.every(({ at }) => !Number.isNaN(at.getTime()))).toBe(true);
  expect(life.map((event) => ('what' in event ? event.what : event.kind))).toContain('written');
});
