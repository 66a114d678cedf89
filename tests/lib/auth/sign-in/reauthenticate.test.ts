import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { changePassword } from '@/lib/auth/settings/change-password';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/settings/change-phone-by-password';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { reauthenticate } from '@/lib/auth/sign-in/reauthenticate';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { readNumber } from '@/lib/sms/numbers/number';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newPhone, noon, readUserRow } from '@/tests/support/people';
import { giveSettledPerson, password } from '@/tests/support/settled-person';
import { spendSharedTries } from '@/tests/support/strangers';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();
const wrong = 'not the password';

describe('the password is asked for again', () => {
  test('strangers who spend all tries of the email do not stop someone signed in', async () => {
    const person = await giveSettledPerson(database.db);
    await spendSharedTries(database.db, person.email, noon);
    const { email } = person;
    expect(await signIn(database.db, { email, password }, contextAt(noon))).toMatchObject({
      reason: 'too_many_passwords',
    });
    expect(await reauthenticate(database.db, person, password, contextAt(noon))).toMatchObject({ ok: true });
  });

  test('but a session does not guess on and on: its own tries, then those of an unknown browser', async () => {
    const person = await giveSettledPerson(database.db);
    const address = '192.0.2.7';
    for (const triesLeft of [undefined, undefined, undefined, undefined, undefined, undefined, 3, 2, 1, 0]) {
      expect(await reauthenticate(database.db, person, wrong, contextAt(noon, address))).toEqual({
        ok: false,
        reason: 'wrong_password',
        triesLeft: triesLeft === undefined ? undefined : { count: triesLeft, thenAt: after(noon, 900) },
      });
    }
    expect(await reauthenticate(database.db, person, password, contextAt(noon, address))).toEqual({
      ok: false,
      reason: 'too_many_passwords',
      retryAt: after(noon, 900),
    });
    const { email } = person;
    expect(await signIn(database.db, { email, password }, contextAt(noon, address))).toMatchObject({
      reason: 'too_many_passwords',
    });
    expect(
      await reauthenticate(database.db, person, password, contextAt(after(noon, 901), address)),
    ).toMatchObject({ ok: true });
  });

  test('where strangers spent the tries of the email, a session has five in a quarter of an hour and twenty a day', async () => {
    const person = await giveSettledPerson(database.db);
    await spendSharedTries(database.db, person.email, noon);
    const guess = async (at: Date) => {
      const answer = await reauthenticate(database.db, person, wrong, contextAt(at));
      return answer.ok ? 'ok' : answer.reason;
    };
    for (let quarter = 0; quarter < 5; quarter += 1) {
      const at = after(noon, quarter * 901);
      const answers: string[] = [];
      for (let tries = 0; tries < 6; tries += 1) answers.push(await guess(at));
      const looked = answers.filter((answer) => answer === 'wrong_password');
      expect(looked).toHaveLength(quarter < 4 ? 5 : 0);
    }
  });

  test("another account's session has no tries of its own", async () => {
    const person = await giveSettledPerson(database.db);
    const other = await giveSettledPerson(database.db);
    await spendSharedTries(database.db, person.email, noon);
    const mixed = { ...other, email: person.email };
    expect(await reauthenticate(database.db, mixed, password, contextAt(noon))).toMatchObject({
      reason: 'too_many_passwords',
    });
  });

  test('and a right one costs nothing, while a wrong one is on record', async () => {
    const person = await giveSettledPerson(database.db);
    const address = '192.0.2.8';
    for (let tries = 0; tries < 6; tries += 1) {
      expect(await reauthenticate(database.db, person, password, contextAt(noon, address))).toMatchObject({
        ok: true,
      });
    }
    await reauthenticate(database.db, person, wrong, contextAt(noon, address));
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.userId, person.userId));
    expect(entries.map((entry) => entry.action)).toEqual(['reauthentication_refused']);
    expect(JSON.stringify(entries)).not.toContain(wrong);
  });

  test('and does not help where the account was shut meanwhile', async () => {
    const person = await giveSettledPerson(database.db);
    await database.db.update(users).set({ deactivatedAt: noon }).where(eq(users.id, person.userId));
    expect(await reauthenticate(database.db, person, password, contextAt(noon))).toEqual({
      ok: false,
      reason: 'not_open',
    });
  });
});

describe('without the right password', () => {
  test('the phone is neither changed nor removed, the password stays, and so does the account', async () => {
    const person = await giveSettledPerson(database.db);
    const refused = { ok: false, reason: 'wrong_password' };
    const next = newPhone();
    const context = () => contextAt(noon);
    expect(
      await changePhoneByPassword(database.db, person, { phone: next, currentPassword: wrong }, context()),
    ).toEqual(refused);
    expect(await removePhoneByPassword(database.db, person, { currentPassword: wrong }, context())).toEqual(
      refused,
    );
    const passwords = { currentPassword: wrong, newPassword: 'another long phrase' };
    expect(await changePassword(database.db, person, passwords, context())).toEqual(refused);
    const leaving = { currentPassword: wrong, confirmed: true };
    expect(await deleteAccount(database.db, person, leaving, context())).toEqual(refused);
    expect(await readUserRow(database.db, person.userId)).toMatchObject({
      phone: person.phone,
      passwordChangedAt: noon,
    });
    expect(await readNumber(database.db, next)).toBeNull();
    expect((await readNumber(database.db, person.phone!))?.holderUserId).toBe(person.userId);
  });

  test('with it, the phone is changed and removed', async () => {
    const person = await giveSettledPerson(database.db);
    const change = { phone: newPhone(), currentPassword: password };
    expect(await changePhoneByPassword(database.db, person, change, contextAt(noon))).toEqual({ ok: true });
    expect(
      await removePhoneByPassword(database.db, person, { currentPassword: password }, contextAt(noon)),
    ).toEqual({
      ok: true,
    });
    expect(await readUserRow(database.db, person.userId)).toMatchObject({ phone: null });
  });
});
