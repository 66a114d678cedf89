import { and, eq } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { emailLinks, mails } from '@/db/schema/mail';
import { users } from '@/db/schema/accounts';
import { phoneNumbers } from '@/db/schema/sms';
import { readFactors } from '@/lib/accounts/factors';
import { readSession } from '@/lib/accounts/sessions';
import { findUserByEmail, setEmail } from '@/lib/accounts/users';
import { changeRole } from '@/lib/auth/admin/change-role';
import { deactivateAccount } from '@/lib/auth/admin/deactivate-account';
import { confirmEmailChange, requestEmailChange } from '@/lib/auth/settings/change-email';
import { changeName } from '@/lib/auth/settings/change-name';
import { changePassword } from '@/lib/auth/settings/change-password';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/settings/change-phone-by-password';
import { register } from '@/lib/auth/registration/register';
import { resetPassword, requestReset } from '@/lib/auth/recovery/reset-password';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { undoChanges } from '@/lib/auth/recovery/undo-changes';
import { listPasskeys } from '@/lib/auth/two-factor/passkeys';
import { countRecoveryCodes } from '@/lib/auth/two-factor/recovery-codes';
import { env } from '@/lib/env';
import { replacePendingPhone } from '@/lib/sms/verification/send-code';
import { linkUrl } from '@/lib/mail/links';
import { isOpen, readLastChallenge } from '@/lib/sms/verification/challenge';
import { readPhoneChange } from '@/lib/sms/verification/change-phone';
import { endingSession, meanwhile, releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { giveRecoveryCodes, giveTotp, setUpTotp } from '@/tests/support/factors';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { after, contextAt, newEmail, newPhone, noon } from '@/tests/support/people';
import {
  enterCode,
  giveSettledPerson,
  markOf,
  openSession,
  password,
  readSessionOf,
  readTexts,
} from '@/tests/support/settled-person';
import { withSettings } from '@/tests/support/settings';
import { askPolicy } from '@/tests/support/texts';

const database = useDatabase();
const at = (seconds = 0) => contextAt(after(noon, seconds));
const newPassword = 'purple walrus engine';

type Person = Awaited<ReturnType<typeof giveSettledPerson>>;
let person: Person;

async function giveProven(): Promise<Person> {
  const given = await giveSettledPerson(database.db, { now: noon });
  await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, given.userId));
  return given;
}

/** Rows of factors as they are after they were set up at a moment. */
const addFactors: Record<string, (userId: string, at: Date) => Promise<unknown>> = {
  passkey: (userId, at) =>
    database.pool.query(
      `insert into passkeys (id, user_id, credential_id, public_key, counter, transports, name, backed_up, created_at)
       values (gen_random_uuid(), $1, gen_random_uuid()::text, 'key', 0, '{}', 'Laptop', false, $2)`,
      [userId, at],
    ),
  sms: (userId, at) =>
    database.pool.query(
      'update users set sms_factor_since = $2, sms_factor_change = account_change() where id = $1',
      [userId, at],
    ),
  codes: (userId, at) =>
    database.pool.query(
      `insert into recovery_code_sets (id, user_id, created_at, confirmed_at) values (gen_random_uuid(), $1, $2, $2)`,
      [userId, at],
    ),
};

beforeEach(async () => {
  person = await giveProven();
});

const readUser = async (userId = person.userId) =>
  (await database.db.select().from(users).where(eq(users.id, userId)))[0]!;
const templatesTo = async (email: string) =>
  (await readMailsTo(database.db, email)).map(({ template }) => template);

/** The token of the latest mail with a template to an address. */
async function tokenOf(email: string, template: string): Promise<string> {
  const rows = await database.db
    .select({ mail: mails, link: emailLinks })
    .from(mails)
    .innerJoin(emailLinks, eq(emailLinks.id, mails.linkId))
    .where(eq(mails.to, email));
  const { link } = rows.filter(({ mail }) => mail.template === template).at(-1)!;
  return new URL(linkUrl(link)).searchParams.get('link')!;
}

async function changeEmail(to: string, seconds = 10): Promise<void> {
  const asked = await requestEmailChange(
    database.db,
    person,
    { email: to, currentPassword: password },
    at(seconds),
  );
  expect(asked).toEqual({ ok: true });
  const token = await readToken(database.db, to);
  expect(await confirmEmailChange(database.db, { token, signedIn: person }, at(seconds + 1))).toEqual({
    ok: true,
  });
}

describe('another email', () => {
  test('takes the password, a link to the new address and the session; the old address is told', async () => {
    const to = newEmail();
    expect(
      await requestEmailChange(database.db, person, { email: to, currentPassword: 'wrong' }, at(1)),
    ).toMatchObject({ reason: 'wrong_password' });
    expect(await readMailsTo(database.db, to)).toEqual([]);
    const old = person.email;
    await requestEmailChange(database.db, person, { email: to, currentPassword: password }, at(2));
    expect(await readUser()).toMatchObject({ email: old });
    const token = await readToken(database.db, to);
    const other = await giveProven();
    expect(await confirmEmailChange(database.db, { token, signedIn: other }, at(3))).toEqual({
      ok: false,
      reason: 'not_yours',
    });
    const mine = { token, signedIn: person };
    expect(await confirmEmailChange(database.db, mine, at(4))).toEqual({ ok: true });
    expect(await readUser()).toMatchObject({ email: to, emailKey: to, emailProvenAt: after(noon, 4) });
    expect(await templatesTo(old)).toEqual(['emailChanged']);
    expect(await signIn(database.db, { email: to, password }, at(5))).toMatchObject({ ok: true });
    expect(await signIn(database.db, { email: old, password }, at(6))).toMatchObject({ ok: false });
    expect(await confirmEmailChange(database.db, mine, at(7))).toEqual({ ok: false, reason: 'used' });
  });

  test('is not told from the one there is, not sent where mail is off, and waits after a reset', async () => {
    const ask = (email: string) =>
      requestEmailChange(database.db, person, { email, currentPassword: password }, at(1));
    expect(await ask(person.email)).toEqual({ ok: false, reason: 'same_email' });
    await withSettings({ mail: { via: 'off' } }, async () =>
      expect(await ask(newEmail())).toEqual({ ok: false, reason: 'mail_off' }),
    );
    await database.db.update(users).set({ recoveredAt: noon }).where(eq(users.id, person.userId));
    expect(await ask(newEmail())).toEqual({
      ok: false,
      reason: 'recovered_lately',
      retryAt: after(noon, 72 * 3600),
    });
  });

  test('is neither asked for nor taken by a session that is over, nor within 72 hours of a reset', async () => {
    const { userId, sessionId } = person;
    const frozen = { reason: 'recovered_lately', retryAt: after(noon, 72 * 3600) };
    const recovering = `update users set recovered_at = '${noon.toISOString()}' where id = '${userId}'`;
    const ask = () =>
      requestEmailChange(database.db, person, { email: newEmail(), currentPassword: password }, at(10));
    const [early] = await releaseTogether(database.pool, meanwhile(userId, recovering), 1, [ask]);
    expect(early).toMatchObject({ value: { ok: false, ...frozen } });
    await database.pool.query('update users set recovered_at = null where id = $1', [userId]);

    const to = newEmail();
    await requestEmailChange(database.db, person, { email: to, currentPassword: password }, at(20));
    const mine = { token: await readToken(database.db, to), signedIn: person };
    await database.pool.query(recovering);
    expect(await confirmEmailChange(database.db, mine, at(21))).toEqual({ ok: false, ...frozen });
    await database.pool.query('update users set recovered_at = null where id = $1', [userId]);
    const [late] = await releaseTogether(database.pool, endingSession(person), 1, [ask]);
    expect(late).toMatchObject({ value: { ok: false, reason: 'not_open' } });
    expect(await confirmEmailChange(database.db, mine, at(22))).toEqual({ ok: false, reason: 'not_open' });
    expect(await readSession(database.db, sessionId, after(noon, 22))).toBeNull();
    expect(await readUser()).toMatchObject({ email: person.email });
  });

  test('that another account has proven stays there; one that nobody proved is closed', async () => {
    const owner = await giveProven();
    await requestEmailChange(database.db, person, { email: owner.email, currentPassword: password }, at(1));
    const token = await readToken(database.db, owner.email);
    const mine = { token, signedIn: person };
    expect(await confirmEmailChange(database.db, mine, at(2))).toEqual({ ok: false, reason: 'taken' });
    expect(await readUser(owner.userId)).toMatchObject({ email: owner.email, deactivatedAt: null });

    const squatter = await giveSettledPerson(database.db, { now: noon });
    await changeEmail(squatter.email, 20);
    expect(await readUser()).toMatchObject({ email: squatter.email });
    expect(await readUser(squatter.userId)).toMatchObject({
      deactivatedAt: after(noon, 21),
      phone: squatter.phone,
    });
    expect(await readSession(database.db, squatter.sessionId, after(noon, 22))).toBeNull();
  });

  test('and a registration with it at the same instant leave one open account with it', async () => {
    for (let round = 0; round < 5; round += 1) {
      person = await giveProven();
      const to = newEmail();
      await requestEmailChange(database.db, person, { email: to, currentPassword: password }, at(1));
      const token = await readToken(database.db, to);
      await Promise.all([
        confirmEmailChange(database.db, { token, signedIn: person }, at(2)),
        register(
          database.db,
          {
            email: to,
            name: 'Other',
            password: newPassword,
            phone: null,
            smsOptIn: false,
            verifyPhone: false,
            tcpaConsent: false,
            timeZone: null,
          },
          at(2),
        ),
      ]);
      const accounts = await database.db.select().from(users).where(eq(users.emailKey, to));
      expect(accounts).toHaveLength(1);
    }
  });
});

test('another name is kept, and written down once', async () => {
  await changeName(database.db, person.userId, 'Another Name', at(1));
  await changeName(database.db, person.userId, 'Another Name', at(2));
  expect(await readUser()).toMatchObject({ name: 'Another Name' });
});

describe('the owner is told by mail', () => {
  test('of a new password, a removed and a changed number, and a new browser; of a known browser nothing', async () => {
    const { email } = person;
    const knownBrowser = markOf(await signIn(database.db, { email, password }, at(1)));
    expect(await templatesTo(email)).toEqual(['newDevice']);
    await signIn(database.db, { email, password, knownBrowser }, at(2));
    expect(await templatesTo(email)).toEqual(['newDevice']);
    const change = { phone: newPhone(), currentPassword: password };
    expect(await changePhoneByPassword(database.db, person, change, at(3))).toEqual({ ok: true });
    expect(await enterCode(database.db, person, after(noon, 4))).toMatchObject({ ok: true });
    expect((await templatesTo(email))[0]).toBe('phoneChanged');
    const { phone } = await readUser();
    await removePhoneByPassword(database.db, { ...person, phone }, { currentPassword: password }, at(5));
    expect((await templatesTo(email)).slice(0, 2)).toEqual(['phoneChanged', 'phoneChanged']);
    await changePassword(database.db, person, { currentPassword: password, newPassword }, at(6));
    expect((await templatesTo(email))[0]).toBe('passwordChanged');
  });

  test('of a first number, and of one in the place of a number that was never proven', async () => {
    const bare = await giveSettledPerson(database.db, { phone: null, now: noon });
    await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, bare.userId));
    const [first, second, third] = [newPhone(), newPhone(), newPhone()];
    const add = (phone: string, from: string | null, seconds: number) =>
      changePhoneByPassword(
        database.db,
        { ...bare, phone: from },
        { phone, currentPassword: password },
        at(seconds),
      );
    expect(await add(first, null, 1)).toEqual({ ok: true });
    expect(await templatesTo(bare.email)).toEqual(['phoneAdded']);
    expect(await add(first, first, 60)).toEqual({ ok: true });
    expect(await add(second, first, 120)).toEqual({ ok: true });
    expect(await templatesTo(bare.email)).toEqual(['phoneChanged', 'phoneAdded']);
    // From the code page, which asks for no password.
    const prover = { userId: bare.userId, role: 'applicant', phone: second, purpose: 'prove' } as const;
    expect(await replacePendingPhone(database.db, prover, third, at(180))).toMatchObject({ ok: true });
    expect(await templatesTo(bare.email)).toEqual(['phoneChanged', 'phoneChanged', 'phoneAdded']);
    // The first of these mails takes the number off again.
    const token = await tokenOf(bare.email, 'phoneAdded');
    expect(await undoChanges(database.db, token, at(200))).toMatchObject({ ok: true });
    expect(await readUser(bare.userId)).toMatchObject({ phone: null });
  });

  test('of three new browsers an hour at most', async () => {
    for (let times = 1; times <= 5; times += 1) {
      expect(await signIn(database.db, { email: person.email, password }, at(times))).toMatchObject({
        ok: true,
      });
    }
    expect(await templatesTo(person.email)).toEqual(['newDevice', 'newDevice', 'newDevice']);
  });

  test('by text where no mail reaches them, whatever their switches and quiet hours say, but never past a STOP', async () => {
    const mailless = await giveSettledPerson(database.db, { texts: false, now: noon });
    const phone = mailless.phone!;
    const change = { currentPassword: password, newPassword };
    expect(await changePassword(database.db, mailless, change, at(1))).toMatchObject({ ok: true });
    const [text] = await readTexts(database.db, phone);
    expect(text).toMatchObject({ purpose: 'notice', template: 'securityNotice' });
    // Three in the morning in New York.
    const night = new Date('2026-11-20T08:00:00Z');
    const ask = () => askPolicy(database.db, text!, { now: night, env: env() });
    expect(await ask()).toMatchObject({
      answer: 'send',
      body: expect.stringContaining('security: your password was changed.'),
    });
    // Where mail tells them, too, a notice of the same kind waits for the morning.
    await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, mailless.userId));
    expect(await ask()).toMatchObject({ answer: 'hold', reason: 'quiet_hours' });
    await withSettings({ mail: { via: 'off' } }, async () =>
      expect(await ask()).toMatchObject({ answer: 'send' }),
    );
    await database.db.update(users).set({ emailProvenAt: null }).where(eq(users.id, mailless.userId));
    await database.db.update(phoneNumbers).set({ suppressedAt: noon }).where(eq(phoneNumbers.number, phone));
    expect(await ask()).toMatchObject({ answer: 'refuse', reason: 'stopped' });
  });

  test('by text of a new email, where the one before was not proven', async () => {
    const squatted = await giveSettledPerson(database.db, { now: noon });
    const to = newEmail();
    await requestEmailChange(database.db, squatted, { email: to, currentPassword: password }, at(1));
    const token = await readToken(database.db, to);
    expect(await confirmEmailChange(database.db, { token, signedIn: squatted }, at(2))).toEqual({
      ok: true,
    });
    expect(await readTexts(database.db, squatted.phone!)).toMatchObject([
      { purpose: 'notice', params: { event: 'your email was changed' } },
    ]);
  });

  test('by text to nobody who has not proven the number', async () => {
    const mailless = await giveSettledPerson(database.db, { now: noon });
    await database.db
      .update(phoneNumbers)
      .set({ holderUserId: null })
      .where(eq(phoneNumbers.number, mailless.phone!));
    const change = { currentPassword: password, newPassword };
    expect(await changePassword(database.db, mailless, change, at(1))).toMatchObject({ ok: true });
    expect(await readTexts(database.db, mailless.phone!)).toEqual([]);
  });

  test('only at an address that was proven', async () => {
    await database.db.update(users).set({ emailProvenAt: null }).where(eq(users.id, person.userId));
    await signIn(database.db, { email: person.email, password }, at(1));
    await changePassword(database.db, person, { currentPassword: password, newPassword }, at(2));
    expect(await readMailsTo(database.db, person.email)).toEqual([]);
  });
});

describe('"This was not me"', () => {
  test('puts email and number back, ends every session and password, and leads to a new one', async () => {
    const { email, userId, phone } = person;
    const taken = newEmail();
    await changeEmail(taken, 10);
    await removePhoneByPassword(
      database.db,
      { ...person, email: taken },
      { currentPassword: password },
      at(20),
    );
    const token = await tokenOf(email, 'emailChanged');
    expect(await undoChanges(database.db, token, at(30))).toMatchObject({ ok: true });
    expect(await readUser()).toMatchObject({
      email,
      emailProvenAt: after(noon, 30),
      phone,
      recoveredAt: after(noon, 30),
    });
    expect(await readSession(database.db, person.sessionId, after(noon, 31))).toBeNull();
    for (const spelled of [email, taken]) {
      expect(await signIn(database.db, { email: spelled, password }, at(32))).toMatchObject({ ok: false });
    }
    const reset = await tokenOf(email, 'choosePassword');
    expect(await resetPassword(database.db, { token: reset, newPassword }, at(40))).toMatchObject({
      ok: true,
    });
    expect(await signIn(database.db, { email, password: newPassword }, at(41))).toMatchObject({ ok: true });
    expect(await readUser(userId)).toMatchObject({ phone });
    expect(await undoChanges(database.db, token, at(50))).toEqual({ ok: false, reason: 'used' });
  });

  test('takes off the second factors that were added since the mail, of every kind, and leaves those of before', async () => {
    const { userId, email } = person;
    const hold = (kind: string, seconds: number) => addFactors[kind]!(userId, after(noon, seconds));
    await changePassword(database.db, person, { currentPassword: password, newPassword }, at(10));
    const early = await tokenOf(email, 'passwordChanged');
    await hold('passkey', 5);
    await hold('codes', 5);
    await database.db.transaction((tx) => setUpTotp(tx, person, after(noon, 5)));
    for (const table of ['passkeys', 'recovery_code_sets', 'totp_keys']) {
      await database.pool.query(`update ${table} set change = 0 where user_id = $1`, [userId]);
    }
    await hold('passkey', 20);
    // It was begun before, as its moment says, and is written only now.
    await hold('passkey', 3);
    await hold('sms', 20);
    expect(await undoChanges(database.db, early, at(30))).toMatchObject({ ok: true });
    expect(await readFactors(database.db, userId)).toEqual({ passkey: true, totp: true, sms: false });
    expect((await listPasskeys(database.db, userId)).map(({ createdAt }) => createdAt)).toEqual([
      after(noon, 5),
    ]);
    expect(await countRecoveryCodes(database.db, userId)).toBe(0);
  });

  test('said of a factor that was just added takes it off, with an app and codes that replaced others', async () => {
    const { userId, email, sessionId } = person;
    await giveTotp(database.db, person, after(noon, 10));
    const user = await readSessionOf(database.db, { sessionId }, after(noon, 11));
    const token = await tokenOf(email, 'factorAdded');
    await giveRecoveryCodes(database.db, user, after(noon, 11));
    expect(await undoChanges(database.db, token, at(30))).toMatchObject({ ok: true });
    expect(await readFactors(database.db, userId)).toEqual({ passkey: false, totp: false, sms: false });
    expect(await countRecoveryCodes(database.db, userId)).toBeNull();
  });

  test('said of the last of several changes undoes all of them', async () => {
    const { email, userId, phone } = person;
    await giveTotp(database.db, person, after(noon, 10));
    await removePhoneByPassword(database.db, person, { currentPassword: password }, at(20));
    await changePassword(database.db, person, { currentPassword: password, newPassword }, at(30));
    const last = await tokenOf(email, 'passwordChanged');
    expect(await undoChanges(database.db, last, at(40))).toMatchObject({ ok: true });
    expect(await readFactors(database.db, userId)).toEqual({ passkey: false, totp: false, sms: false });
    expect(await readUser()).toMatchObject({ phone });
  });

  test('holds at the former address against all that is done with the new one', async () => {
    for (const theirs of ['reset', 'not_me'] as const) {
      person = await giveProven();
      const { email, userId } = person;
      const taken = newEmail();
      await changeEmail(taken, 10);
      const thief = { ...person, email: taken };
      await changePassword(database.db, thief, { currentPassword: password, newPassword }, at(20));
      if (theirs === 'reset') {
        await requestReset(database.db, taken, at(21));
        const token = await tokenOf(taken, 'resetPassword');
        expect(await resetPassword(database.db, { token, newPassword }, at(22))).toMatchObject({ ok: true });
      } else {
        const token = await tokenOf(taken, 'passwordChanged');
        expect(await undoChanges(database.db, token, at(22))).toMatchObject({ ok: true });
      }
      const mine = await tokenOf(email, 'emailChanged');
      expect(await undoChanges(database.db, mine, at(30)), theirs).toMatchObject({ ok: true });
      expect(await readUser(userId)).toMatchObject({ email });
    }
  });

  test('is over for an address that the account only passed, however it came back', async () => {
    for (const how of ['not_me', 'changed_back'] as const) {
      person = await giveProven();
      const { email, userId } = person;
      const passed = newEmail();
      await changeEmail(passed, 10);
      await requestEmailChange(
        database.db,
        { ...person, email: passed },
        { email, currentPassword: password },
        at(20),
      );
      await confirmEmailChange(
        database.db,
        { token: await tokenOf(email, 'changeEmail'), signedIn: person },
        at(21),
      );
      expect(await readUser(userId)).toMatchObject({ email });
      if (how === 'not_me') {
        const mine = await tokenOf(email, 'emailChanged');
        expect(await undoChanges(database.db, mine, at(30))).toMatchObject({ ok: true });
      }
      // Back at the address that it had before, the one in between got no such mail at all.
      expect(await database.db.select().from(mails).where(eq(mails.to, passed))).not.toContainEqual(
        expect.objectContaining({ template: 'emailChanged' }),
      );
      const [row] = await database.db
        .select()
        .from(emailLinks)
        .where(
          and(eq(emailLinks.userId, userId), eq(emailLinks.email, passed), eq(emailLinks.purpose, 'not_me')),
        );
      expect(row === undefined || row.endedAt !== null, how).toBe(true);
    }
  });

  test('clears an account that was shut meanwhile, which stays shut, and one whose role was changed', async () => {
    const { email, userId } = person;
    const admin = await giveSettledPerson(database.db, { role: 'admin', phone: null });
    const author = { adminId: admin.userId, sessionId: admin.sessionId, reason: 'Asked for.' };
    await giveTotp(database.db, person, after(noon, 10));
    await changeRole(database.db, { userId, role: 'staff', author }, at(20));
    await deactivateAccount(database.db, { userId, author }, at(25));
    const token = await tokenOf(email, 'factorAdded');
    expect(await undoChanges(database.db, token, at(30))).toEqual({ ok: true, account: 'kept' });
    expect(await readFactors(database.db, userId)).toMatchObject({ totp: false });
    expect(await readUser(userId)).toMatchObject({ deactivatedAt: after(noon, 25) });
    expect(await signIn(database.db, { email, password }, at(31))).toMatchObject({ ok: false });
  });

  test('closes the account where one of before has proven the email by now', async () => {
    const { email, userId } = person;
    const taken = newEmail();
    await changeEmail(taken, 10);
    const other = await giveSettledPerson(database.db, { phone: null, now: after(noon, -3_600) });
    await database.db.transaction((tx) => setEmail(tx, other.userId, email, after(noon, 20)));
    const token = await tokenOf(email, 'emailChanged');
    expect(await undoChanges(database.db, token, at(30))).toEqual({ ok: true, account: 'closed' });
    expect(await readUser(userId)).toMatchObject({ deactivatedAt: after(noon, 30), emailProvenAt: null });
    await requestReset(database.db, taken, at(31));
    expect(await signIn(database.db, { email: taken, password }, at(32))).toMatchObject({ ok: false });
    expect(await readUser(other.userId)).toMatchObject({ email, deactivatedAt: null });
  });

  test('ends the code of a number that was to take the place of the one there', async () => {
    const { email } = person;
    await changePassword(database.db, person, { currentPassword: password, newPassword }, at(5));
    const change = { phone: newPhone(), currentPassword: newPassword };
    expect(await changePhoneByPassword(database.db, person, change, at(10))).toEqual({ ok: true });
    await undoChanges(database.db, await tokenOf(email, 'passwordChanged'), at(21));
    expect(await readPhoneChange(database.db, person, after(noon, 22))).toBeNull();
    expect(isOpen((await readLastChallenge(database.db, person.userId, noon))!, after(noon, 22))).toBe(false);
  });

  test('leaves no way to another number by the code page for 72 hours', async () => {
    const { email, userId, phone } = person;
    await removePhoneByPassword(database.db, person, { currentPassword: password }, at(10));
    await undoChanges(database.db, await tokenOf(email, 'phoneChanged'), at(20));
    const prover = {
      ...person,
      ...(await openSession(database.db, userId, noon)),
      purpose: 'prove' as const,
    };
    expect(
      await replacePendingPhone(database.db, { ...prover, phone, changesFrom: null }, newPhone(), at(30)),
    ).toEqual({ ok: false, reason: 'recovered_lately', retryAt: after(noon, 20 + 72 * 3600) });
  });

  test('leaves codes by text as they were, once the number is proven again', async () => {
    const { email, userId, phone } = person;
    await database.db
      .update(users)
      .set({ smsFactorSince: after(noon, -60) })
      .where(eq(users.id, userId));
    const fresh = await openSession(database.db, userId, noon, { secondFactorAt: noon });
    await removePhoneByPassword(database.db, { ...person, ...fresh }, { currentPassword: password }, at(10));
    expect(await undoChanges(database.db, await tokenOf(email, 'phoneChanged'), at(20))).toMatchObject({
      ok: true,
    });
    expect(await readUser(userId)).toMatchObject({ phone, smsFactorSince: after(noon, -60) });
  });

  test('leaves whoever took the account over with no link that leads back', async () => {
    const { email } = person;
    const taken = newEmail();
    await changeEmail(taken, 10);
    await changePassword(
      database.db,
      { ...person, email: taken },
      { currentPassword: password, newPassword },
      at(20),
    );
    await requestReset(database.db, taken, at(21));
    const theirs = [await tokenOf(taken, 'passwordChanged'), await tokenOf(taken, 'resetPassword')];
    expect(await undoChanges(database.db, await tokenOf(email, 'emailChanged'), at(30))).toMatchObject({
      ok: true,
    });
    expect(await undoChanges(database.db, theirs[0]!, at(31))).toEqual({ ok: false, reason: 'ended' });
    expect(await resetPassword(database.db, { token: theirs[1]!, newPassword }, at(32))).toMatchObject({
      ok: false,
    });
    const mailed = (await readMailsTo(database.db, taken)).filter(
      ({ createdAt }) => createdAt >= after(noon, 30),
    );
    expect(mailed).toEqual([]);
    expect(await signIn(database.db, { email: taken, password: newPassword }, at(33))).toMatchObject({
      ok: false,
    });
  });

  test('puts the email back also where whoever took the account over has registered it again meanwhile', async () => {
    for (const verifyPhone of [false, true]) {
      person = await giveProven();
      const { email, userId } = person;
      const taken = newEmail();
      await changeEmail(taken, 10);
      const squat = {
        email,
        name: 'Someone Else',
        password: newPassword,
        phone: verifyPhone ? newPhone() : null,
        smsOptIn: false,
        verifyPhone,
        tcpaConsent: verifyPhone,
        timeZone: null,
      };
      expect(await register(database.db, squat, at(20))).toMatchObject({ ok: true });
      const squatter = await findUserByEmail(database.db, email);
      expect(await undoChanges(database.db, await tokenOf(email, 'emailChanged'), at(30))).toMatchObject({
        ok: true,
      });
      expect(await readUser(userId)).toMatchObject({ email, emailKey: email });
      const closed = (await database.db.select().from(users).where(eq(users.id, squatter!.id)))[0];
      // One that is pending has nothing to be kept, and is erased.
      expect(closed?.deactivatedAt).toEqual(verifyPhone ? undefined : after(noon, 30));
      // The address that was put in its place leads to nothing, and the link to a new password opens the account.
      await requestReset(database.db, taken, at(31));
      const theirs = await tokenOf(taken, 'resetPassword');
      expect(await resetPassword(database.db, { token: theirs, newPassword }, at(32))).toMatchObject({
        reason: 'closed',
      });
      const own = await tokenOf(email, 'choosePassword');
      expect(await resetPassword(database.db, { token: own, newPassword }, at(33))).toMatchObject({
        ok: true,
      });
    }
  });

  test('takes nothing from an account of before that has proven the email meanwhile', async () => {
    const { email, userId } = person;
    const taken = newEmail();
    await changeEmail(taken, 10);
    const other = await giveProven();
    const earlier = { email, emailKey: email, createdAt: after(noon, -3_600) };
    await database.db.update(users).set(earlier).where(eq(users.id, other.userId));
    expect(await undoChanges(database.db, await tokenOf(email, 'emailChanged'), at(30))).toMatchObject({
      ok: true,
    });
    expect(await readUser(userId)).toMatchObject({ email: taken });
    expect(await readUser(other.userId)).toMatchObject({ email, deactivatedAt: null });
  });

  test.each(['by a reset', 'by the link of its registration', 'and was shut by an admin'] as const)(
    'takes the email back from an account that was made at it since, though it was proven %s',
    async (how) => {
      const { email, userId } = person;
      await changeEmail(newEmail(), 10);
      const decoy = {
        email,
        name: 'Someone Else',
        password: newPassword,
        phone: null,
        smsOptIn: false,
        verifyPhone: false,
        tcpaConsent: false,
        timeZone: null,
      };
      expect(await register(database.db, decoy, at(20))).toMatchObject({ ok: true });
      const made = (await findUserByEmail(database.db, email))!;
      if (how === 'by a reset') {
        await requestReset(database.db, email, at(30));
        const token = await tokenOf(email, 'resetPassword');
        expect(await resetPassword(database.db, { token, newPassword: password }, at(31))).toMatchObject({
          ok: true,
        });
      } else {
        await database.db
          .update(users)
          .set({ emailProvenAt: after(noon, 30) })
          .where(eq(users.id, made.id));
      }
      if (how === 'and was shut by an admin') {
        await database.db
          .update(users)
          .set({ deactivatedAt: after(noon, 31) })
          .where(eq(users.id, made.id));
      }
      expect(await undoChanges(database.db, await tokenOf(email, 'emailChanged'), at(40))).toEqual({
        ok: true,
        account: 'kept',
      });
      expect(await readUser(userId)).toMatchObject({ email, emailKey: email, deactivatedAt: null });
      expect((await readUser(made.id)).deactivatedAt).not.toBeNull();
      const token = await tokenOf(email, 'choosePassword');
      expect(await resetPassword(database.db, { token, newPassword }, at(50))).toMatchObject({ ok: true });
      expect(await signIn(database.db, { email, password: newPassword }, at(51))).toMatchObject({ ok: true });
    },
  );

  test('goes by the order in which changes were made, whenever they were begun and whatever clocks say', async () => {
    const { email } = person;
    const taken = newEmail();
    await requestEmailChange(database.db, person, { email: taken, currentPassword: password }, at(10));
    const token = await readToken(database.db, taken);
    // Both notices of the second change say that it was before the first.
    await confirmEmailChange(database.db, { token, signedIn: person }, at(30));
    await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, person.userId));
    expect(
      await removePhoneByPassword(
        database.db,
        { ...person, email: taken },
        { currentPassword: password },
        at(12),
      ),
    ).toEqual({
      ok: true,
    });
    expect(await undoChanges(database.db, await tokenOf(taken, 'phoneChanged'), at(40))).toMatchObject({
      ok: true,
    });
    expect(await readUser()).toMatchObject({ email: taken });
    expect(await undoChanges(database.db, await tokenOf(email, 'emailChanged'), at(50))).toEqual({
      ok: true,
      account: 'kept',
    });
    expect(await readUser()).toMatchObject({ email });
  });

  test('takes nothing from someone who has proven the number meanwhile', async () => {
    const { email, phone } = person;
    await removePhoneByPassword(database.db, person, { currentPassword: password }, at(5));
    const other = await giveProven();
    await database.db
      .update(phoneNumbers)
      .set({ holderUserId: other.userId })
      .where(eq(phoneNumbers.number, phone!));
    expect(await undoChanges(database.db, await tokenOf(email, 'phoneChanged'), at(10))).toMatchObject({
      ok: true,
    });
    expect(await readUser()).toMatchObject({ phone });
    const [row] = await database.db.select().from(phoneNumbers).where(eq(phoneNumbers.number, phone!));
    expect(row).toMatchObject({ holderUserId: other.userId });
  });

  test('works for seven days', async () => {
    const { email } = person;
    await signIn(database.db, { email, password }, at(0));
    const token = await tokenOf(email, 'newDevice');
    const week = 7 * 24 * 3600;
    expect(await undoChanges(database.db, token, at(week))).toEqual({ ok: false, reason: 'expired' });
    expect(await undoChanges(database.db, token, at(week - 1))).toMatchObject({ ok: true });
  });
});
