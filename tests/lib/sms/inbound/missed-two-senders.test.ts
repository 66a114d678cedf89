import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { smsInboundReads, smsMessages } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { grantConsent, readStandingConsent } from '@/lib/consent/ledger';
import { newId } from '@/lib/random';
import { readMissedTexts, runMissedTexts } from '@/lib/sms/inbound/missed-inbound';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { readNumber, suppressedSenders } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { useDatabase } from '../../../support/database';
import { openFakeProvider } from '../../../support/fake-provider';
import { startFakeTwilio, type FakeTwilio } from '../../../support/fake-twilio';
import { after, contextAt } from '../../../support/people';
import { withSettings } from '../../../support/settings';
import {
  accountSid,
  authToken,
  fromPhone,
  makeEnv,
  makePerson,
  twilioVariables,
} from '../../../support/texts';

const database = useDatabase();
const codesPhone = '+15005550016';
/** Later than anyone of these agreed, to the second, as the list has it. */
const later = new Date(Math.floor(Date.now() / 1000) * 1000 + 3_600_000);

let fake: FakeTwilio;

beforeEach(async () => {
  fake = await startFakeTwilio({ accountSid, authToken });
  await database.db.delete(smsInboundReads);
});
afterEach(() => fake.stop());

const settings = () =>
  makeEnv(database.url, { ...twilioVariables(fake.url), TWILIO_CODES_FROM_PHONE: codesPhone });

/** Reads what came in at one of our numbers. */
function readAt(phone: string, now: Date) {
  const provider = openFakeProvider(fake, { sender: { fromPhone: phone } });
  const log = openLog({ level: 'error', write: () => undefined });
  return readMissedTexts({ db: database.db, provider, log }, { now, isStart: true });
}

/** The webhook gets a text that was sent to one of our numbers. */
function arrive(from: string, to: string, body: string, at: Date) {
  const text = { sid: `SM${newId().replaceAll('-', '')}`, from, to, body };
  return receiveText(database.db, { ...text, messagingServiceSid: null, optOutType: null }, contextAt(at));
}

const stopped = async (phone: string) => suppressedSenders(await readNumber(database.db, phone));

async function giveHolder() {
  const person = await makePerson(database.db);
  await database.db.execute(
    sql`update phone_numbers set held_since = ${after(later, -7200)} where number = ${person.phone}`,
  );
  return person;
}

test('a STOP to codes that is found late holds, although a START to updates came since', async () => {
  await withSettings({ twilio: settings().twilio }, async () => {
    const { phone } = await giveHolder();
    fake.receive({ from: phone, to: codesPhone, body: 'STOP', sentAt: after(later, 60) });
    await arrive(phone, fromPhone, 'STOP', after(later, 120));
    await arrive(phone, fromPhone, 'START', after(later, 300));
    expect(await stopped(phone)).toEqual([]);
    await readAt(codesPhone, after(later, 3600));
    expect(await stopped(phone)).toEqual(['codes', 'updates']);
  });
});

test('one that a START to codes has taken back since changes nothing', async () => {
  await withSettings({ twilio: settings().twilio }, async () => {
    const { phone } = await giveHolder();
    fake.receive({ from: phone, to: codesPhone, body: 'STOP', sentAt: after(later, 60) });
    await arrive(phone, codesPhone, 'START', after(later, 300));
    await readAt(codesPhone, after(later, 3600));
    expect(await stopped(phone)).toEqual([]);
  });
});

test('a START that is found late frees the sender that it was texted to', async () => {
  await withSettings({ twilio: settings().twilio }, async () => {
    const { phone } = await giveHolder();
    await arrive(phone, fromPhone, 'STOP', later);
    await arrive(phone, codesPhone, 'STOP', after(later, 10));
    fake.receive({ from: phone, to: codesPhone, body: 'START', sentAt: after(later, 600) });
    await readAt(codesPhone, after(later, 3600));
    expect(await stopped(phone)).toEqual(['updates']);
  });
});

test('a START that is found late frees no sender that was opted out of since, however that was said', async () => {
  await withSettings({ twilio: settings().twilio }, async () => {
    const { phone } = await giveHolder();
    await arrive(phone, fromPhone, 'STOP', later);
    fake.receive({ from: phone, to: codesPhone, body: 'START', sentAt: after(later, 600) });
    await database.db.transaction((tx) =>
      optOut(tx, { phone, by: { told: 'letter' }, now: after(later, 3000) }),
    );
    await readAt(codesPhone, after(later, 3600));
    expect(await stopped(phone)).toEqual(['codes', 'updates']);
  });
});

test('a STOP to updates that is found late holds although codes were agreed to since, but not if updates were', async () => {
  await withSettings({ twilio: settings().twilio }, async () => {
    for (const scope of ['verification', 'updates'] as const) {
      const person = await giveHolder();
      const { phone } = person;
      fake.receive({ from: phone, to: fromPhone, body: 'STOP', sentAt: after(later, 60) });
      await database.db.transaction((tx) =>
        grantConsent(tx, { ...person, scopes: [scope], medium: 'preferences' }, contextAt(after(later, 600))),
      );
      await database.db.delete(smsInboundReads);
      await readAt(fromPhone, after(later, 3600));
      expect(await stopped(phone)).toEqual(scope === 'updates' ? [] : ['updates']);
      const stands = [...(await readStandingConsent(database.db, person))].sort();
      expect(stands).toEqual(scope === 'updates' ? ['updates', 'verification'] : ['verification']);
    }
  });
});

test('the list of each sender is read', async () => {
  const { phone } = await makePerson(database.db);
  const now = Date.now();
  const sids = [fromPhone, codesPhone].map(
    (to) => fake.receive({ from: phone, to, body: 'Hello', sentAt: new Date(now - 600_000) }).sid,
  );
  await withSettings({ ...settings() }, async () => {
    const missed = runMissedTexts({ log: () => undefined, everyMs: 50 });
    await expect
      .poll(async () => (await database.db.select().from(smsMessages)).map(({ providerSid }) => providerSid))
      .toEqual(expect.arrayContaining(sids));
    await missed.stop();
  });
});
