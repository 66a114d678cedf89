import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { readCounted } from '@/lib/metrics/meters';
import { readSendingNow } from '@/lib/reporting/sender-health';
import { printMetrics } from '@/lib/reporting/print-metrics';
import { useDatabase } from '@/tests/support/database';
import { startFakeTwilio, type FakeTwilio } from '@/tests/support/fake-twilio';
import { noon } from '@/tests/support/people';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  makeEnv,
  makePerson,
  twilioVariables,
  whenText,
} from '@/tests/support/texts';

const database = useDatabase();
let fake: FakeTwilio;
let dispatcher: { stop(): Promise<void> } | null = null;
let before: Map<string, number>;

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages, sms_senders, sms_spend, rate_limits`);
  fake = await startFakeTwilio({ accountSid, authToken });
  before = await readCounted();
});
afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = null;
  await fake.stop();
});

const dispatch = () => {
  const env = makeEnv(database.url, twilioVariables(fake.url));
  dispatcher = runDispatcher({ env, db: database.db, log: () => undefined });
};

/** How many texts were counted since the test began, by figure, purpose and outcome. */
async function readFigures(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const [series, value] of await readCounted()) {
    const [, name, labels] = /^doorstep_sms_(send|delivery)_seconds_count(.*)$/.exec(series) ?? [];
    if (name === undefined || value === before.get(series)) continue;
    const { purpose, outcome } = JSON.parse(labels!) as { purpose: string; outcome: string };
    figures[`${name} ${purpose} ${outcome}`] = value - before.get(series)!;
  }
  return figures;
}

const report = (messageId: string, sid: string, status: string, errorCode: number | null = null) =>
  applyStatus(database.db, {
    messageId,
    sid,
    status,
    errorCode,
    price: null,
    priceUnit: null,
    segments: null,
    to: null,
    now: new Date(),
  });

test('a text counts once when the provider has it and once when it arrives, however often that is reported', async () => {
  const { messageId } = await askForCode(database.db, await makePerson(database.db));
  dispatch();
  const { providerSid } = await whenText(database.db, messageId, (row) => row.status === 'sent');
  expect(await readFigures()).toEqual({ 'send verification sent': 1 });
  for (const status of ['sent', 'delivered', 'delivered', 'sent']) {
    await report(messageId, providerSid!, status);
  }
  expect(await readFigures()).toEqual({ 'send verification sent': 1, 'delivery verification delivered': 1 });
});

test('a text that a report settles before the answer was recorded counts as sent all the same', async () => {
  const { userId, phone } = await makePerson(database.db);
  const id = await askForUpdate(database.db, { userId, phone });
  await database.db.execute(sql`update sms_messages set status = 'sending', price = 0.0079 where id = ${id}`);
  const sid = `SM${randomUUID().replaceAll('-', '')}`;
  const early = { messageId: id, sid, status: 'delivered', errorCode: null, price: null, priceUnit: null };
  await applyStatus(database.db, { ...early, segments: null, to: phone, now: new Date() });
  expect(await readFigures()).toEqual({ 'send update sent': 1, 'delivery update delivered': 1 });
});

test('a text that arrives after quiet hours is told apart, and one that fails on the way counts as failed', async () => {
  const held = await askForUpdate(database.db, await makePerson(database.db));
  const failing = await askForUpdate(database.db, await makePerson(database.db));
  await database.db.execute(sql`update sms_messages set held_at = now() where id = ${held}`);
  dispatch();
  const first = await whenText(database.db, held, (row) => row.status === 'sent');
  const second = await whenText(database.db, failing, (row) => row.status === 'sent');
  await report(held, first.providerSid!, 'delivered');
  await report(failing, second.providerSid!, 'undelivered', 30006);
  expect(await readFigures()).toEqual({
    'send update sent_after_hold': 1,
    'send update sent': 1,
    'delivery update delivered_after_hold': 1,
    'delivery update failed': 1,
  });
});

test('what the dispatcher does not send counts by how it ended', async () => {
  const person = await makePerson(database.db);
  const { messageId } = await askForCode(database.db, person);
  await database.db.execute(
    sql`update sms_verifications set ended_at = now() where user_id = ${person.userId}`,
  );
  dispatch();
  await whenText(database.db, messageId, (row) => row.status === 'canceled');
  expect(await readFigures()).toEqual({ 'send verification canceled': 1 });
});

test('the age of the queue is by purpose, of what is due and not of what waits for its time', async () => {
  const person = await makePerson(database.db);
  const at = (seconds: number) => new Date(noon.getTime() + seconds * 1000);
  await askForUpdate(database.db, person, { sendAfter: at(-90), now: at(-90) });
  await askForUpdate(database.db, person, { sendAfter: at(-30), now: at(-30) });
  await askForUpdate(database.db, person, { purpose: 'notice', sendAfter: at(60), now: at(-600) });
  const { text } = await printMetrics(database.db, noon);
  const ages = text.split('\n').filter((line) => line.startsWith('doorstep_sms_queue_age_seconds'));
  expect(ages.sort()).toEqual([
    'doorstep_sms_queue_age_seconds{purpose="notice"} 0',
    'doorstep_sms_queue_age_seconds{purpose="reply"} 0',
    'doorstep_sms_queue_age_seconds{purpose="test"} 0',
    'doorstep_sms_queue_age_seconds{purpose="update"} 90',
    'doorstep_sms_queue_age_seconds{purpose="verification"} 0',
  ]);
});

test('one row with a moment that is none does not hide since when the others wait', async () => {
  const person = await makePerson(database.db);
  const ago = (seconds: number) => new Date(noon.getTime() - seconds * 1000);
  await askForUpdate(database.db, person, { sendAfter: ago(90), now: ago(90) });
  const broken = await askForUpdate(database.db, person, { sendAfter: ago(30), now: ago(30) });
  await database.db.execute(sql`update sms_messages set send_after = '-infinity' where id = ${broken}`);
  const { text } = await printMetrics(database.db, noon);
  expect(text).toContain('doorstep_sms_queue_age_seconds{purpose="update"} 90\n');
  const { oldestDueAt } = await readSendingNow(database.db, noon);
  expect(oldestDueAt).toEqual(ago(90));
});

test('how long ago a dispatcher ended its round is told, and that none ever has', async () => {
  const readAge = async () =>
    /^doorstep_dispatcher_round_age_seconds (\S+)$/m.exec((await printMetrics(database.db, noon)).text)?.[1];
  const end = (at: Date | string) =>
    database.db.execute(sql`
    insert into alarm_rounds (name, next_at, begun_at, checked_at) values ('alarms', now(), now(), ${at}::timestamptz)
    on conflict (name) do update set checked_at = excluded.checked_at`);
  await database.db.execute(sql`delete from alarm_rounds`);
  expect(await readAge()).toBe('+Inf');
  await end(new Date(noon.getTime() - 240_000).toISOString());
  expect(await readAge()).toBe('240');
  // Clocks differ a little; a moment far ahead says nothing.
  await end(new Date(noon.getTime() + 2_000).toISOString());
  expect(await readAge()).toBe('0');
  for (const never of [new Date(noon.getTime() + 3600_000).toISOString(), 'infinity', '-infinity']) {
    await end(never);
    expect(await readAge(), never).toBe('+Inf');
  }
});
