import { setTimeout as delay } from 'node:timers/promises';
import { asc, eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { smsConsents, smsOptOuts } from '@/db/schema/consent';
import { smsPreferences } from '@/db/schema/sms';
import { readStandingConsent } from '@/lib/consent/ledger';
import { listReceipts } from '@/lib/consent/receipts';
import { currentWording } from '@/lib/consent/current-wording';
import { writePlain } from '@/lib/consent/wording';
import { markSuppressed, liftSuppression, readNumber } from '@/lib/sms/numbers/number';
import { confirmOptIn } from '@/lib/sms/outbox/confirm-opt-in';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { requirePreferences, wantsTemplate } from '@/lib/sms/preferences/preferences';
import { addFirstPhone } from '@/lib/sms/preferences/add-first-phone';
import { turnTextsOff, saveTexts, readTextsState } from '@/lib/sms/preferences/text-switches';
import { sendTestText } from '@/lib/sms/preferences/test-text';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { readPreferencesPage } from '@/lib/sms/preferences/preferences-page';
import { useDatabase } from '../../../support/database';
import { after, contextAt, givePerson, newPhone, noon } from '../../../support/people';
import { named, withSettings } from '../../../support/settings';
import { giveSettledPerson, readTexts, type SettledPerson } from '../../../support/settled-person';
import { askForCode, askPolicy, makeEnv, readText } from '../../../support/texts';

const database = useDatabase();
const on = { enabled: true, applicationStatus: true, reminders: true, security: true };
const off = { ...on, enabled: false };
const dayTime = new Date('2026-11-20T17:00:00Z');

async function versionOf({ userId }: { userId: string }): Promise<number> {
  return (await requirePreferences(database.db, userId)).textsVersion;
}

async function askForStatus(
  person: SettledPerson,
  sendAfter: Date,
  template: 'applicationStatus' | 'securityNotice',
) {
  const url = 'http://localhost';
  const filled =
    template === 'applicationStatus'
      ? { template, params: { title: 'A home', status: 'received', url } }
      : { template, params: { event: 'something', url } };
  const text = await enqueueText(database.db, {
    userId: person.userId,
    phone: person.phone!,
    purpose: 'update',
    ...filled,
    sendAfter,
    now: noon,
  });
  return text!.id;
}

async function askGate(messageId: string) {
  return askPolicy(database.db, await readText(database.db, messageId), {
    now: dayTime,
    env: makeEnv(database.url),
  });
}

describe('turning texts on', () => {
  test('is refused without a phone, and without consent that was given before or is given now', async () => {
    const nobody = await giveSettledPerson(database.db, { phone: null });
    const wish = { switches: on, version: 1, agreed: true };
    expect(await saveTexts(database.db, nobody, wish, contextAt(noon))).toEqual({
      ok: false,
      reason: 'no_phone',
    });

    const person = await giveSettledPerson(database.db, { texts: false });
    const refused = await saveTexts(database.db, person, { ...wish, agreed: false }, contextAt(noon));
    expect(refused).toEqual({ ok: false, reason: 'consent_missing' });
    expect((await requirePreferences(database.db, person.userId)).enabled).toBe(false);
  });

  test('records the agreement with the exact wording, and sends the first text once', async () => {
    const person = await giveSettledPerson(database.db, { texts: false });
    const wish = { switches: on, version: await versionOf(person), agreed: true };
    expect(await saveTexts(database.db, person, wish, contextAt(after(noon, 60)))).toMatchObject({
      ok: true,
    });
    const [receipt] = await listReceipts(database.db, person.userId);
    expect(receipt).toMatchObject({
      action: 'granted',
      scope: 'updates',
      medium: 'preferences',
      phone: person.phone,
      wordingVersion: currentWording().version,
      wording: writePlain(currentWording()),
    });
    expect(receipt!.address).not.toBeNull();
    const again = { switches: on, version: await versionOf(person), agreed: true };
    await saveTexts(database.db, person, again, contextAt(after(noon, 120)));
    expect((await readTexts(database.db, person.phone!)).map((text) => text.template)).toEqual([
      'optInConfirmation',
    ]);
    expect(await listReceipts(database.db, person.userId)).toHaveLength(2);
  });

  test('goes with a first number by one consent, also where the switch was left on when the last number was removed', async () => {
    const person = await giveSettledPerson(database.db, { phone: null });
    for (const enabled of [true, false]) {
      const phone = newPhone();
      await database.db
        .update(smsPreferences)
        .set({ enabled })
        .where(eq(smsPreferences.userId, person.userId));
      await database.db.update(users).set({ phone: null }).where(eq(users.id, person.userId));
      const at = contextAt(after(noon, enabled ? 0 : 3600));
      const added = await addFirstPhone(database.db, person, { phone, wantsUpdates: true }, at);
      expect(added).toEqual({ ok: true });
      const consents = await readStandingConsent(database.db, { userId: person.userId, phone });
      expect([...consents].sort()).toEqual(['updates', 'verification']);
      const texts = await readTextsState(database.db, { userId: person.userId, phone });
      expect(texts).toMatchObject({ switches: { enabled: true }, consent: 'standing' });
    }
  });

  test('is refused while the number is stopped, for a switch cannot undo a STOP', async () => {
    const person = await giveSettledPerson(database.db);
    const { phone } = person;
    await database.db.transaction((tx) => optOut(tx, { phone: phone!, by: 'sms_stop', now: noon }));
    expect(await readTextsState(database.db, person)).toMatchObject({ stopped: true, consent: 'none' });
    const wish = { switches: on, version: await versionOf(person), agreed: true };
    const refused = await saveTexts(database.db, person, wish, contextAt(after(noon, 60)));
    expect(refused).toEqual({ ok: false, reason: 'stopped' });
    expect(await readStandingConsent(database.db, { userId: person.userId, phone: phone! })).toEqual(
      new Set(),
    );
  });

  test('more than 90 days after a STOP takes a fresh code besides fresh consent', async () => {
    const person = await giveSettledPerson(database.db);
    const phone = person.phone!;
    await database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: after(noon, 60) }));
    await database.db.transaction((tx) => liftSuppression(tx, phone));
    const later = after(noon, 91 * 24 * 3600);
    const wish = { switches: on, version: await versionOf(person), agreed: true };
    expect(await saveTexts(database.db, person, wish, contextAt(later))).toEqual({ ok: true, code: 'sent' });
    expect((await readNumber(database.db, phone))?.holderUserId).toBeNull();
    expect((await readTexts(database.db, phone)).map((text) => text.purpose)).toEqual(['verification']);
  });

  test('within 90 days of a STOP that START lifted takes consent alone', async () => {
    const person = await giveSettledPerson(database.db);
    const phone = person.phone!;
    await database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: after(noon, 60) }));
    await database.db.transaction((tx) => liftSuppression(tx, phone));
    const wish = { switches: on, version: await versionOf(person), agreed: true };
    const saved = await saveTexts(database.db, person, wish, contextAt(after(noon, 89 * 24 * 3600)));
    expect(saved).toEqual({ ok: true, code: 'not_needed' });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(person.userId);
  });
});

describe('whose name is on it', () => {
  const first = named('Elm Homes', 'Example Housing, Inc.');
  const renamed = named('Oak Homes', 'Example Housing, Inc.');
  const taken = named('Elm Homes', 'Other Housing LLC');

  test('another name of the site changes nothing: updates go out on the consent that was given', async () => {
    const person = await withSettings(first, () => giveSettledPerson(database.db));
    await withSettings(renamed, async () => {
      expect(await readTextsState(database.db, person)).toMatchObject({ consent: 'standing' });
      const update = await askForStatus(person, dayTime, 'applicationStatus');
      expect(await askGate(update)).toMatchObject({
        answer: 'send',
        body: expect.stringMatching(/^Oak Homes: /),
      });
    });
  });

  test('another operator sends no updates until the person agrees again; codes go out', async () => {
    const person = await withSettings(first, () => giveSettledPerson(database.db));
    const waiting = await withSettings(first, () => askForStatus(person, dayTime, 'applicationStatus'));
    await withSettings(taken, async () => {
      expect(await readTextsState(database.db, person)).toMatchObject({ consent: 'none', switches: on });
      expect(await askGate(waiting)).toMatchObject({ answer: 'refuse', reason: 'no_consent' });
      const wish = { switches: on, version: await versionOf(person), agreed: false };
      expect(await saveTexts(database.db, person, wish, contextAt(after(noon, 60)))).toEqual({
        ok: false,
        reason: 'consent_missing',
      });
      expect(await sendTestText(database.db, person, contextAt(dayTime))).toMatchObject({
        reason: 'turned_off',
      });

      const number = (await readNumber(database.db, person.phone!))!;
      await database.db.transaction((tx) => confirmOptIn(tx, { userId: person.userId, number, now: noon }));
      expect((await readTexts(database.db, person.phone!)).map((text) => text.template)).toEqual([
        'applicationStatus',
      ]);

      const { messageId } = await askForCode(database.db, { ...person, phone: person.phone! }, dayTime);
      expect(await askGate(messageId)).toMatchObject({ answer: 'send' });

      const agreed = await saveTexts(
        database.db,
        person,
        { ...wish, agreed: true },
        contextAt(after(noon, 90)),
      );
      expect(agreed).toEqual({ ok: true, code: 'not_needed' });
      expect(await readTextsState(database.db, person)).toMatchObject({ consent: 'standing' });
      const [receipt] = await listReceipts(database.db, person.userId);
      expect(receipt).toMatchObject({ scope: 'updates', legalSender: 'Other Housing LLC' });
      expect(await askGate(await askForStatus(person, dayTime, 'applicationStatus'))).toMatchObject({
        answer: 'send',
      });
    });
  });

  test('what is turned on under another name of the site takes no second agreement', async () => {
    const person = await withSettings(first, () => giveSettledPerson(database.db));
    await database.db
      .update(smsPreferences)
      .set({ enabled: false })
      .where(eq(smsPreferences.userId, person.userId));
    const wish = { switches: on, version: await versionOf(person), agreed: false };
    const saved = await withSettings(renamed, () =>
      saveTexts(database.db, person, wish, contextAt(after(noon, 60))),
    );
    expect(saved).toMatchObject({ ok: true });
  });
});

describe('turning texts off', () => {
  test('is one call whatever version is saved, recorded, and withdraws what already waits but no code', async () => {
    const person = await giveSettledPerson(database.db);
    const phone = person.phone!;
    const waiting = await askForStatus(person, after(noon, 3600), 'applicationStatus');
    const code = await enqueueText(database.db, {
      userId: person.userId,
      phone,
      purpose: 'verification',
      template: 'verification',
      params: { host: 'localhost' },
      sendAfter: after(noon, 3600),
      now: noon,
    });
    await turnTextsOff(database.db, person, contextAt(after(noon, 60)));
    expect(await readText(database.db, waiting)).toMatchObject({ status: 'canceled', reason: 'turned_off' });
    expect(await readText(database.db, code!.id)).toMatchObject({ status: 'queued' });
    expect(await readStandingConsent(database.db, { userId: person.userId, phone })).toEqual(
      new Set(['verification']),
    );
    const [receipt] = await listReceipts(database.db, person.userId);
    expect(receipt).toMatchObject({ action: 'withdrawn', scope: 'updates', medium: 'preferences' });
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.userId, person.userId));
    expect(entries.at(-1)).toMatchObject({ action: 'sms_preferences_changed', details: off });
    const said = () =>
      database.db.select().from(smsOptOuts).where(eq(smsOptOuts.phone, phone)).orderBy(asc(smsOptOuts.id));
    expect(await said()).toMatchObject([
      { at: after(noon, 60), act: 'opted_out', channel: 'web', covers: ['updates'], userId: person.userId },
    ]);
    await turnTextsOff(database.db, person, contextAt(after(noon, 90)));
    expect(await said()).toHaveLength(1);
    const wish = { switches: on, version: await versionOf(person), agreed: true };
    await saveTexts(database.db, person, wish, contextAt(after(noon, 120)));
    expect((await said())[1]).toMatchObject({ act: 'lifted', channel: 'web', covers: ['updates'] });
  });

  const ways: Record<string, (person: SettledPerson) => Promise<unknown>> = {
    'with one click': (person) => turnTextsOff(database.db, person, contextAt(after(noon, 60))),
    'by the switch': async (person) => {
      const wish = { switches: off, version: await versionOf(person), agreed: false };
      return saveTexts(database.db, person, wish, contextAt(after(noon, 60)));
    },
  };
  test.each(Object.entries(ways))(
    '%s while a STOP is being taken in withdraws nothing twice',
    async (_, turnOff) => {
      const person = await giveSettledPerson(database.db);
      const phone = person.phone!;
      let turned: Promise<unknown> | undefined;
      await database.db.transaction(async (tx) => {
        await optOut(tx, { phone, by: 'sms_stop', now: after(noon, 60) });
        turned = turnOff(person);
        await Promise.race([turned, delay(300)]);
      });
      await turned;
      const rows = await database.db.select().from(smsConsents).where(eq(smsConsents.userId, person.userId));
      expect(
        rows
          .filter(({ action }) => action === 'withdrawn')
          .map(({ scope }) => scope)
          .sort(),
      ).toEqual(['updates', 'verification']);
    },
  );

  test('holds for a text that a dispatcher had claimed', async () => {
    const person = await giveSettledPerson(database.db);
    const inProgress = await askForStatus(person, noon, 'applicationStatus');
    expect(await askGate(inProgress)).toMatchObject({ answer: 'send' });
    await turnTextsOff(database.db, person, contextAt(noon));
    expect(await askGate(inProgress)).toMatchObject({ answer: 'refuse' });
  });

  test('one kind withdraws and holds back that kind alone', async () => {
    const person = await giveSettledPerson(database.db);
    const status = await askForStatus(person, after(noon, 3600), 'applicationStatus');
    const security = await askForStatus(person, after(noon, 3600), 'securityNotice');
    const wish = {
      switches: { ...on, applicationStatus: false },
      version: await versionOf(person),
      agreed: false,
    };
    expect(await saveTexts(database.db, person, wish, contextAt(noon))).toMatchObject({ ok: true });
    expect(await readText(database.db, status)).toMatchObject({ status: 'canceled', reason: 'turned_off' });
    expect(await askGate(security)).toMatchObject({ answer: 'send' });
    const next = await askForStatus(person, noon, 'applicationStatus');
    expect(await askGate(next)).toMatchObject({ answer: 'refuse', reason: 'turned_off' });
  });

  test('every switch that is off is obeyed, and a text of no kind follows the one for all', () => {
    expect(wantsTemplate(null, 'applicationStatus')).toBe(false);
    expect(wantsTemplate(off, 'optInConfirmation')).toBe(false);
    expect(wantsTemplate(on, 'optInConfirmation')).toBe(true);
    expect(wantsTemplate({ ...on, security: false }, 'securityNotice')).toBe(false);
    expect(wantsTemplate({ ...on, security: false }, 'applicationStatus')).toBe(true);
  });
});

describe('two open pages', () => {
  test('do not overwrite each other: the second is told what the first saved, and can save after that', async () => {
    const person = await giveSettledPerson(database.db);
    const version = await versionOf(person);
    const first = { ...on, reminders: false };
    const second = { ...on, security: false };
    expect(
      await saveTexts(database.db, person, { switches: first, version, agreed: false }, contextAt(noon)),
    ).toMatchObject({ ok: true });
    const refused = await saveTexts(
      database.db,
      person,
      { switches: second, version, agreed: false },
      contextAt(noon),
    );
    expect(refused).toEqual({
      ok: false,
      reason: 'changed_meanwhile',
      switches: first,
      version: version + 1,
    });
    expect(await requirePreferences(database.db, person.userId)).toMatchObject(first);
    const again = { switches: second, version: version + 1, agreed: false };
    expect(await saveTexts(database.db, person, again, contextAt(noon))).toMatchObject({ ok: true });
    expect(await requirePreferences(database.db, person.userId)).toMatchObject(second);
  });

  test('at the same instant save one, and the other is told', async () => {
    const person = await giveSettledPerson(database.db);
    const version = await versionOf(person);
    const kinds = ['applicationStatus', 'reminders', 'security'] as const;
    const answers = await Promise.all(
      kinds.map((kind) =>
        saveTexts(
          database.db,
          person,
          { switches: { ...on, [kind]: false }, version, agreed: false },
          contextAt(noon),
        ),
      ),
    );
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(await versionOf(person)).toBe(version + 1);
  });

  test('that change different things do not get into each other’s way', async () => {
    const person = await giveSettledPerson(database.db);
    const before = await requirePreferences(database.db, person.userId);
    const hours = {
      quietHoursEnabled: true,
      quietHoursStart: '21:00',
      quietHoursEnd: '07:30',
      timeZone: null,
    };
    const quiet = { ...hours, version: before.quietHoursVersion };
    expect(await saveQuietHours(database.db, person, quiet, contextAt(noon))).toMatchObject({ ok: true });
    const wish = { switches: { ...on, reminders: false }, version: before.textsVersion, agreed: false };
    expect(await saveTexts(database.db, person, wish, contextAt(noon))).toMatchObject({ ok: true });
    expect(await requirePreferences(database.db, person.userId)).toMatchObject({
      ...hours,
      reminders: false,
    });
  });

  test('do not overwrite each other’s quiet hours, and the same ones twice are no conflict', async () => {
    const person = await givePerson(database.db, { active: true, phone: newPhone() });
    const hours = {
      quietHoursEnabled: true,
      quietHoursStart: '21:00',
      quietHoursEnd: '07:30',
      timeZone: null,
    };
    expect(await saveQuietHours(database.db, person, { ...hours, version: 1 }, contextAt(noon))).toEqual({
      ok: true,
      version: 2,
    });
    expect(await saveQuietHours(database.db, person, { ...hours, version: 1 }, contextAt(noon))).toEqual({
      ok: true,
      version: 2,
    });
    const other = { ...hours, quietHoursEnabled: false, version: 1 };
    expect(await saveQuietHours(database.db, person, other, contextAt(noon))).toEqual({
      ok: false,
      reason: 'changed_meanwhile',
      saved: hours,
      version: 2,
    });
  });
});

test('new quiet hours hold at once for what the old ones hold back', async () => {
  const person = await giveSettledPerson(database.db);
  const waiting = await askForStatus(person, after(noon, 8 * 3600), 'applicationStatus');
  await database.pool.query(`update sms_messages set reason = 'quiet_hours' where id = $1`, [waiting]);
  const hours = {
    quietHoursEnabled: false,
    quietHoursStart: '20:00',
    quietHoursEnd: '09:00',
    timeZone: null,
  };
  await saveQuietHours(database.db, person, { ...hours, version: 1 }, contextAt(noon));
  expect((await readText(database.db, waiting)).sendAfter).toEqual(noon);
});

test('a stopped number that was never agreed to reads as stopped', async () => {
  const phone = newPhone();
  const person = await givePerson(database.db, { active: true, phone });
  await database.db.transaction((tx) => markSuppressed(tx, { phone, by: 'carrier_stop', now: noon }));
  expect(await readTextsState(database.db, { userId: person.userId, phone })).toMatchObject({
    stopped: true,
    consent: 'none',
  });
});

test('a page that is open while its account is erased answers, and saves nothing', async () => {
  const person = await giveSettledPerson(database.db);
  const owner = { userId: person.userId, phone: person.phone, phoneMovedAt: null };
  await database.db.delete(users).where(eq(users.id, person.userId));
  const page = await readPreferencesPage(database.db, owner, noon);
  expect(page.texts.switches).toMatchObject({ enabled: false });
  const wish = { switches: on, version: 1, agreed: true };
  expect(await saveTexts(database.db, person, wish, contextAt(noon))).toMatchObject({
    ok: false,
    reason: 'changed_meanwhile',
  });
  const hours = {
    quietHoursEnabled: false,
    quietHoursStart: '22:00',
    quietHoursEnd: '08:00',
    timeZone: null,
  };
  expect(await saveQuietHours(database.db, person, { ...hours, version: 1 }, contextAt(noon))).toMatchObject({
    ok: false,
    reason: 'changed_meanwhile',
  });
  expect(
    await database.db.select().from(smsPreferences).where(eq(smsPreferences.userId, person.userId)),
  ).toEqual([]);
});
