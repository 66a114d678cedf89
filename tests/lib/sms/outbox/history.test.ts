import { expect, test } from 'vitest';
import { env } from '@/lib/env';
import { listTexts } from '@/lib/sms/outbox/history';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { rateLimits } from '@/db/schema/accounts';
import { sendTestText } from '@/lib/sms/preferences/test-text';
import { startPhoneChange } from '@/lib/sms/verification/change-phone';
import { turnTextsOff } from '@/lib/sms/preferences/text-switches';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { useDatabase } from '../../../support/database';
import { after, contextAt, newPhone, noon, readCode } from '../../../support/people';
import { giveSettledPerson, type SettledPerson } from '../../../support/settled-person';

const database = useDatabase();
const dayTime = new Date('2026-11-20T17:00:00Z');

test('the record has every text of a person and the answers to theirs, never a code, page by page', async () => {
  const person = await giveSettledPerson(database.db);
  await startPhoneChange(database.db, person, newPhone(), contextAt(after(noon, 10)));
  const code = await readCode(database.db, person.userId);
  await enqueueText(database.db, {
    userId: null,
    phone: person.phone!,
    purpose: 'reply',
    template: 'help',
    params: { url: 'http://localhost' },
    sendAfter: after(noon, 20),
    now: after(noon, 20),
  });
  await sendTestText(database.db, person, contextAt(dayTime));
  const all = await listTexts(database.db, person, { limit: 1_000 });
  expect(all.map((text) => text.template)).toEqual(['test', 'help', 'verification']);
  expect(all.at(-1)!.body).toMatch(/^•••••• is your Doorstep code/);
  expect(JSON.stringify(all)).not.toContain(code);
  const [first] = await listTexts(database.db, person, { limit: 1 });
  expect(await listTexts(database.db, person, { limit: 5, before: first })).toEqual(all.slice(1));
});

test('a text keeps the name that the site had when it was put into the outbox', async () => {
  const person = await giveSettledPerson(database.db);
  const { siteName } = env();
  try {
    env().siteName = 'Elm Homes';
    await startPhoneChange(database.db, person, newPhone(), contextAt(after(noon, 10)));
    await sendTestText(database.db, person, contextAt(dayTime));
    env().siteName = 'Oak Homes';
    await sendTestText(database.db, person, contextAt(after(dayTime, 10)));
  } finally {
    env().siteName = siteName;
  }
  const bodies = (await listTexts(database.db, person, { limit: 1_000 })).map((text) => text.body);
  expect(bodies).toEqual([
    expect.stringMatching(/^Oak Homes: this is the test text/),
    expect.stringMatching(/^Elm Homes: this is the test text/),
    '•••••• is your Elm Homes code. Don’t share it.',
  ]);
});

test('the record has no answers to texts from before the number was theirs', async () => {
  const phone = newPhone();
  await enqueueText(database.db, {
    userId: null,
    phone,
    purpose: 'reply',
    template: 'help',
    params: { url: 'http://localhost' },
    sendAfter: noon,
    now: after(noon, -60),
  });
  const person = await giveSettledPerson(database.db, { phone });
  expect(await listTexts(database.db, person, { limit: 1_000 })).toEqual([]);
});

test('a test text is refused beyond three an hour, with the moment of the next', async () => {
  const person = await giveSettledPerson(database.db);
  const send = (seconds: number) => sendTestText(database.db, person, contextAt(after(dayTime, seconds)));
  for (const seconds of [0, 1, 2]) expect(await send(seconds)).toMatchObject({ ok: true });
  expect(await send(3)).toEqual({ ok: false, reason: 'send_limit', retryAt: after(dayTime, 3600) });
  expect(await listTexts(database.db, person, { limit: 1_000 })).toHaveLength(3);
});

test('a test text needs what an update needs, and a refusal costs none of them', async () => {
  const send = (person: SettledPerson, now = dayTime) => sendTestText(database.db, person, contextAt(now));
  expect(await send(await giveSettledPerson(database.db, { phone: null }))).toEqual({
    ok: false,
    reason: 'no_phone',
  });
  const off = await giveSettledPerson(database.db);
  await turnTextsOff(database.db, off, contextAt(noon));
  for (let tries = 0; tries < 5; tries += 1)
    expect(await send(off)).toEqual({ ok: false, reason: 'turned_off' });
  const stopped = await giveSettledPerson(database.db);
  await database.db.transaction((tx) => optOut(tx, { phone: stopped.phone!, by: 'sms_stop', now: noon }));
  expect(await send(stopped)).toEqual({ ok: false, reason: 'stopped' });
  const unproven = await giveSettledPerson(database.db, { phone: null });
  const phone = newPhone();
  await startPhoneChange(database.db, unproven, phone, contextAt(noon));
  expect(await send({ ...unproven, phone })).toEqual({ ok: false, reason: 'not_verified' });
});

test('who merely names a number counts nothing against its holder’s test texts', async () => {
  const { userId, phone } = await giveSettledPerson(database.db);
  const stranger = await giveSettledPerson(database.db, { phone: null });
  const rows = () => database.db.$count(rateLimits);
  const before = await rows();
  expect(await sendTestText(database.db, { ...stranger, phone }, contextAt(noon))).toEqual({
    ok: false,
    reason: 'not_verified',
  });
  expect(await rows()).toBe(before);
  expect((await sendTestText(database.db, { userId, phone }, contextAt(noon))).ok).toBe(true);
  expect(await rows()).toBe(before + 1);
});

test('a test text says when quiet hours let it go', async () => {
  const person = await giveSettledPerson(database.db);
  const hours = {
    quietHoursEnabled: true,
    quietHoursStart: '20:00',
    quietHoursEnd: '09:00',
    timeZone: 'America/Denver',
  };
  await saveQuietHours(database.db, person, { ...hours, version: 1 }, contextAt(noon));
  expect(await sendTestText(database.db, person, contextAt(new Date('2026-11-21T05:00:00Z')))).toEqual({
    ok: true,
    at: new Date('2026-11-21T16:00:00Z'),
  });
});
