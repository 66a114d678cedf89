import { eq, sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { smsConsents } from '@/db/schema/consent';
import { changePassword } from '@/lib/auth/settings/change-password';
import { readActivity } from '@/lib/auth/settings/activity';
import { changeName } from '@/lib/auth/settings/change-name';
import { exportData } from '@/lib/auth/settings/export-data';
import { takeSettingsHit, type SettingsKind } from '@/lib/rate-limits/by-account';
import { requirePreferences } from '@/lib/sms/preferences/preferences';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { saveTexts, turnTextsOff } from '@/lib/sms/preferences/text-switches';
import { removePhone, startPhoneChange } from '@/lib/sms/verification/change-phone';
import { replacePendingPhone } from '@/lib/sms/verification/send-code';
import { useDatabase } from '../../support/database';
import { after, contextAt, givePending, newPhone, noon } from '../../support/people';
import { giveSettledPerson, password, type SettledPerson } from '../../support/settled-person';

const database = useDatabase();
const on = { enabled: true, applicationStatus: true, reminders: true, security: true };
const tooMany = { ok: false, reason: 'too_many_changes', retryAt: after(noon, 3600) };

async function countRows(userId: string): Promise<{ audit: number; ledger: number }> {
  const { db } = database;
  return {
    audit: await db.$count(auditLog, eq(auditLog.userId, userId)),
    ledger: await db.$count(smsConsents, eq(smsConsents.userId, userId)),
  };
}

async function switchTo(person: SettledPerson, enabled: boolean, now: Date, reminders = true) {
  const { textsVersion: version } = await requirePreferences(database.db, person.userId);
  const wish = { switches: { ...on, enabled, reminders }, version, agreed: enabled };
  return saveTexts(database.db, person, wish, contextAt(now));
}

async function saveHours(person: SettledPerson, minute: number, now: Date) {
  const { quietHoursVersion: version } = await requirePreferences(database.db, person.userId);
  const quietHoursStart = `21:${String(minute).padStart(2, '0')}`;
  const hours = { quietHoursEnabled: true, quietHoursStart, quietHoursEnd: '09:00', timeZone: null };
  return saveQuietHours(database.db, person, { ...hours, version }, contextAt(now));
}

async function spend(userId: string, kind: SettingsKind): Promise<void> {
  for (let i = 0; i < 30; i += 1) {
    expect(await takeSettingsHit(database.db, { userId, kind }, noon)).toMatchObject({ ok: true });
  }
}

test('switching texts on and off writes rows for thirty changes an hour and a hundred a day, and no more', async () => {
  const person = await giveSettledPerson(database.db);
  let now = noon;
  let saved = 0;
  for (let hour = 0; hour < 5; hour += 1) {
    for (let i = 0; i < 35; i += 1) {
      expect(await switchTo(person, false, now)).toMatchObject({ ok: true });
      if ((await switchTo(person, true, now)).ok) saved += 1;
    }
    expect(saved).toBe(Math.min(30 * (hour + 1), 100));
    now = after(now, 3601);
  }
  // A hundred times on, and off as often, with two consents at the beginning.
  const { audit, ledger } = await countRows(person.userId);
  expect(audit).toBeLessThanOrEqual(202);
  expect(ledger).toBeLessThanOrEqual(202 + 2);
});

test('a refused change says when the next is allowed, and leaves what is saved', async () => {
  const person = await giveSettledPerson(database.db);
  await spend(person.userId, 'preferences');
  expect(await switchTo(person, true, noon, false)).toEqual(tooMany);
  expect(await saveHours(person, 1, noon)).toEqual(tooMany);
  expect(await requirePreferences(database.db, person.userId)).toMatchObject({
    reminders: true,
    quietHoursStart: '20:00',
  });
  expect(await switchTo(person, true, after(noon, 3600), false)).toMatchObject({ ok: true });
});

test('texts can be turned off whatever was changed before, and turning them off again writes nothing', async () => {
  for (const turnOff of [
    (person: SettledPerson) => turnTextsOff(database.db, person, contextAt(noon)),
    (person: SettledPerson) => switchTo(person, false, noon),
  ]) {
    const person = await giveSettledPerson(database.db);
    await spend(person.userId, 'preferences');
    const before = await countRows(person.userId);
    await turnOff(person);
    expect((await requirePreferences(database.db, person.userId)).enabled).toBe(false);
    const once = { audit: before.audit + 1, ledger: before.ledger + 1 };
    expect(await countRows(person.userId)).toEqual(once);
    await Promise.all(Array.from({ length: 20 }, () => turnOff(person)));
    expect(await countRows(person.userId)).toEqual(once);
    // Which kinds stay on while all are off is a change like any other.
    expect(await switchTo(person, false, noon, false)).toEqual(tooMany);
  }
});

test('twenty that turn texts off at the same instant write one row each in the log and the ledger', async () => {
  const person = await giveSettledPerson(database.db);
  const before = await countRows(person.userId);
  await Promise.all(Array.from({ length: 20 }, () => turnTextsOff(database.db, person, contextAt(noon))));
  expect(await countRows(person.userId)).toEqual({ audit: before.audit + 1, ledger: before.ledger + 1 });
});

test('quiet hours are saved thirty times an hour, and the same hours neither write nor count', async () => {
  const person = await giveSettledPerson(database.db);
  const answers = [];
  for (let i = 0; i < 40; i += 1) {
    answers.push(await saveHours(person, i, noon));
    answers.push(await saveHours(person, Math.min(i, 29), noon));
  }
  expect(answers.filter(({ ok }) => ok)).toHaveLength(30 + 40);
  expect((await countRows(person.userId)).audit).toBe(30);
});

test('numbers are added thirty times an hour, and one can be removed all the same', async () => {
  const person = await giveSettledPerson(database.db);
  await spend(person.userId, 'phone');
  const before = await countRows(person.userId);
  expect(await startPhoneChange(database.db, person, newPhone(), contextAt(noon))).toEqual(tooMany);
  expect(await countRows(person.userId)).toEqual(before);
  expect(await removePhone(database.db, person, contextAt(noon))).toEqual({ ok: true });

  const pending = await givePending(database.db, newPhone());
  let { phone } = pending;
  const answers = [];
  // Two in turn: of new numbers an account may name fewer.
  const numbers = [newPhone(), newPhone()];
  for (let i = 0; i < 35; i += 1) {
    const next = numbers[i % 2]!;
    const replaced = await replacePendingPhone(database.db, { ...pending, phone }, next, contextAt(noon));
    if (replaced.ok) phone = next;
    answers.push(replaced.ok);
  }
  expect(answers).toEqual(Array.from({ length: 35 }, (_, i) => i < 30));
});

test('what is refused for another reason does not count', async () => {
  const person = await giveSettledPerson(database.db);
  for (let i = 0; i < 35; i += 1) {
    expect(await startPhoneChange(database.db, person, person.phone!, contextAt(noon))).toMatchObject({
      reason: 'same_number',
    });
    const stale = { switches: { ...on, reminders: false }, version: 999, agreed: false };
    expect(await saveTexts(database.db, person, stale, contextAt(noon))).toMatchObject({
      reason: 'changed_meanwhile',
    });
  }
  const { rows } = await database.db.execute<{ hits: number }>(sql`
    select coalesce(sum(cardinality(hits)), 0)::int as hits from rate_limits where key like 'settings:%'
      and empty_at > ${noon.toISOString()} and cardinality(hits) between 1 and 29`);
  expect(rows[0]!.hits).toBe(0);
  expect(await switchTo(person, true, noon, false)).toMatchObject({ ok: true });
});

test('passwords and exports have windows of their own, which an open browser alone does not spend', async () => {
  const person = await giveSettledPerson(database.db);
  const passwords = { currentPassword: password, newPassword: 'violet otter cactus' };
  await spend(person.userId, 'preferences');
  await spend(person.userId, 'password');
  expect(await changePassword(database.db, person, passwords, contextAt(noon))).toEqual(tooMany);
  expect(await changePassword(database.db, person, passwords, contextAt(after(noon, 3600)))).toMatchObject({
    ok: true,
  });

  const before = await countRows(person.userId);
  const files = [];
  for (let i = 0; i < 33; i += 1) {
    const file = await exportData(database.db, person.userId, contextAt(noon));
    if (file.ok) await file.chunks.return();
    files.push(file);
  }
  expect(files.filter(({ ok }) => ok)).toHaveLength(30);
  expect(files.at(-1)).toEqual(tooMany);
  expect((await countRows(person.userId)).audit).toBe(before.audit + 30);
});

test('a name is changed ten times a day, and the same name neither writes nor counts', async () => {
  const person = await giveSettledPerson(database.db);
  const before = await countRows(person.userId);
  const answers = [];
  for (let i = 0; i < 15; i += 1) {
    answers.push(await changeName(database.db, person.userId, `Name ${i}`, contextAt(noon)));
    answers.push(await changeName(database.db, person.userId, `Name ${Math.min(i, 9)}`, contextAt(noon)));
  }
  expect(answers.filter(({ ok }) => ok)).toHaveLength(10 + 15);
  expect(answers.at(-2)).toEqual({ ...tooMany, retryAt: after(noon, 24 * 3600) });
  expect((await countRows(person.userId)).audit).toBe(before.audit + 10);
});

test('names, texts and quiet hours bury no sign-in and no export in the recent activity', async () => {
  const person = await giveSettledPerson(database.db);
  const { userId } = person;
  const acts = ['signed_in', 'data_exported', 'email_change_requested'];
  const write = (action: string, seconds: number) =>
    database.db.insert(auditLog).values({ at: after(noon, seconds), action, userId, actorId: userId });
  for (const action of acts) await write(action, 1);
  for (let i = 0; i < 40; i += 1) {
    for (const action of ['name_changed', 'quiet_hours_changed', 'sms_preferences_changed']) {
      await write(action, 60 + i);
    }
  }
  const shown = (await readActivity(database.db, userId, 15)).map(({ what }) => what);
  expect(shown).toEqual(expect.arrayContaining(acts));
  expect(shown).not.toContain('name_changed');
});
