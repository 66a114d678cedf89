import { eq } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { emailLinks, mails } from '@/db/schema/mail';
import { secondFactorTries } from '@/db/schema/two-factor';
import { wasProvenByReset } from '@/lib/accounts/after-recovery';
import { readFactors } from '@/lib/accounts/factors';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { deactivateAccount } from '@/lib/auth/admin/deactivate-account';
import { register } from '@/lib/auth/registration/register';
import { confirmEmailChange, requestEmailChange } from '@/lib/auth/settings/change-email';
import { changePassword } from '@/lib/auth/settings/change-password';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/settings/change-phone-by-password';
import { exportData } from '@/lib/auth/settings/export-data';
import { requestReset, resetPassword } from '@/lib/auth/recovery/reset-password';
import { undoChanges } from '@/lib/auth/recovery/undo-changes';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { giveSecondFactor } from '@/lib/auth/two-factor/second-factor';
import { openLog } from '@/lib/log';
import { sendDueMails } from '@/lib/mail/deliver';
import { readMail } from '@/lib/mail/read-mail';
import { readNumber } from '@/lib/sms/numbers/number';
import { codesOf, readLastChallenge } from '@/lib/sms/verification/challenge';
import { readPhoneChange, startPhoneChange } from '@/lib/sms/verification/change-phone';
import { checkCode } from '@/lib/sms/verification/check-code';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { setUpTotp, totpAt } from '@/tests/support/factors';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { after, contextAt, newEmail, newPhone, noon } from '@/tests/support/people';
import { giveSettledPerson, markOf, openSession, password } from '@/tests/support/settled-person';
import { withSettings } from '@/tests/support/settings';

const database = useDatabase();
const newPassword = 'purple walrus engine';
const at = (seconds = 0) => contextAt(after(noon, seconds));
const log = openLog({ level: 'error', write: () => undefined });

let person: Awaited<ReturnType<typeof giveSettledPerson>>;
let sessionId = '';

beforeEach(async () => {
  person = await giveSettledPerson(database.db, { now: noon });
  sessionId = (await openSession(database.db, person.userId, noon)).sessionId;
  await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, person.userId));
});

const readUser = async () => (await database.db.select().from(users).where(eq(users.id, person.userId)))[0]!;

/** What the last mail of this template says. */
async function readLastMail(template: string): Promise<string> {
  const told = (await readMailsTo(database.db, person.email)).find((mail) => mail.template === template);
  return readMail({ ...told!, link: null }).text;
}

async function askForToken(seconds = 0): Promise<string> {
  expect(await requestReset(database.db, person.email, at(seconds))).toEqual({ ok: true });
  return readToken(database.db, person.email);
}

describe('asking for a link', () => {
  test('is answered alike, counted alike and takes the same statements whether the address has an account or not', async () => {
    const stranger = newEmail();
    const statements = [];
    const answers: Awaited<ReturnType<typeof requestReset>>[] = [];
    for (const email of [person.email, stranger]) {
      statements.push(
        await recordStatements(database.pool, async () => {
          for (let times = 0; times < 7; times += 1) {
            answers.push(await requestReset(database.db, email, contextAt(after(noon, times))));
          }
        }),
      );
    }
    expect(statements[0]).toEqual(statements[1]);
    expect(answers.slice(0, 7)).toEqual(answers.slice(7));
    expect(answers[6]).toEqual({ ok: false, reason: 'mail_limit', retryAt: after(noon, 3600) });
  });

  test('mails an account, and nothing to an address that has none or whose account is closed', async () => {
    const stranger = newEmail();
    const closed = await giveSettledPerson(database.db, { now: noon });
    await deactivateAccount(database.db, { userId: closed.userId, author: { operator: 'test' } }, at());
    const now = new Date();
    for (const email of [person.email, stranger, closed.email]) {
      expect(await requestReset(database.db, email, contextAt(now))).toEqual({ ok: true });
    }
    const sent: string[] = [];
    const transport = {
      send: async ({ to }: { to: string }) => ({ ok: sent.push(to) > 0 }) as { ok: true },
      close: () => undefined,
    };
    while ((await sendDueMails(database.db, transport, log)) > 0);
    expect(sent).toEqual([person.email]);
    for (const email of [stranger, closed.email]) {
      expect((await readMailsTo(database.db, email))[0]).toMatchObject({
        reason: 'no_account',
        sentAt: null,
      });
    }
  });

  test('finds an account in any spelling, and writes to the address that it has', async () => {
    await requestReset(database.db, ` ${person.email.toUpperCase()} `, at());
    expect(await readMailsTo(database.db, person.email)).toHaveLength(1);
  });

  test('is refused where mail is off', async () => {
    await withSettings({ mail: { via: 'off' } }, async () =>
      expect(await requestReset(database.db, person.email, at())).toEqual({ ok: false, reason: 'mail_off' }),
    );
  });
});

describe('the link', () => {
  test('sets the password once, ends every session and every other link, and tells the owner', async () => {
    const grant = await mintLoginGrant(database.db, person.userId, after(noon, 50));
    await askForToken();
    const token = await askForToken(1);
    expect(await readSession(database.db, sessionId, after(noon, 59))).not.toBeNull();
    expect(await resetPassword(database.db, { token, newPassword }, at(60))).toMatchObject({ ok: true });
    expect(await readSession(database.db, sessionId, after(noon, 61))).toBeNull();
    expect(await redeemLoginGrant(database.db, grant.grant, at(61))).toBeNull();
    const { email } = person;
    expect(await signIn(database.db, { email, password }, at(62))).toMatchObject({ ok: false });
    expect(await signIn(database.db, { email, password: newPassword }, at(63))).toMatchObject({ ok: true });
    const links = await database.db.select().from(emailLinks).where(eq(emailLinks.userId, person.userId));
    // Open is nothing but the one by which the owner says that it was not them.
    const others = links.filter(({ purpose }) => purpose !== 'not_me');
    expect(others.length).toBeGreaterThan(1);
    expect(others.every(({ usedAt, endedAt }) => usedAt !== null || endedAt !== null)).toBe(true);
    const told = (await readMailsTo(database.db, email)).map(({ template }) => template);
    expect(told.slice(0, 2)).toEqual(['newDevice', 'passwordWasReset']);
    expect(await resetPassword(database.db, { token, newPassword: 'and another one here' }, at(70))).toEqual({
      ok: false,
      reason: 'used',
    });
  });

  test('works for 30 minutes', async () => {
    const token = await askForToken();
    expect(await resetPassword(database.db, { token, newPassword }, at(1800))).toEqual({
      ok: false,
      reason: 'expired',
    });
    expect(await resetPassword(database.db, { token, newPassword }, at(1799))).toMatchObject({ ok: true });
  });

  test('keeps for a better password where this one is easy to guess', async () => {
    const token = await askForToken();
    expect(await resetPassword(database.db, { token, newPassword: 'password123' }, at(5))).toMatchObject({
      reason: 'new_password',
      why: 'common',
    });
    expect(await resetPassword(database.db, { token, newPassword: person.email }, at(5))).toMatchObject({
      reason: 'new_password',
    });
    expect(await resetPassword(database.db, { token, newPassword }, at(6))).toMatchObject({ ok: true });
  });

  test('opens nothing once the account is closed or has another email', async () => {
    const token = await askForToken();
    const { email } = person;
    await database.db
      .update(users)
      .set({ email: 'x@example.com', emailKey: newEmail() })
      .where(eq(users.email, email));
    expect(await resetPassword(database.db, { token, newPassword }, at(5))).toEqual({
      ok: false,
      reason: 'closed',
    });
    await database.db.update(users).set({ email, emailKey: email }).where(eq(users.id, person.userId));
    await deactivateAccount(database.db, { userId: person.userId, author: { operator: 'test' } }, at(6));
    expect(await resetPassword(database.db, { token, newPassword }, at(7))).toMatchObject({ ok: false });
    expect(await readUser()).toMatchObject({ recoveredAt: null });
  });

  test('opens nothing once the password was changed meanwhile', async () => {
    const token = await askForToken();
    const change = { currentPassword: password, newPassword: 'walnut harbor lamp' };
    expect(await changePassword(database.db, person, change, at(5))).toMatchObject({ ok: true });
    expect(await resetPassword(database.db, { token, newPassword }, at(6))).toEqual({
      ok: false,
      reason: 'ended',
    });
    expect(
      await signIn(database.db, { email: person.email, password: 'walnut harbor lamp' }, at(7)),
    ).toMatchObject({ ok: true });
  });

  test('opens nothing once the email was changed by the link that takes', async () => {
    const token = await askForToken();
    const to = newEmail();
    await requestEmailChange(database.db, person, { email: to, currentPassword: password }, at(5));
    const mine = { token: await readToken(database.db, to), signedIn: person };
    expect(await confirmEmailChange(database.db, mine, at(6))).toEqual({ ok: true });
    expect(await resetPassword(database.db, { token, newPassword }, at(7))).toEqual({
      ok: false,
      reason: 'ended',
    });
    // Nor does a link that is asked for with the old email belong to anybody any more.
    const late = await requestReset(database.db, person.email, at(8));
    expect(late).toEqual({ ok: true });
    expect(
      await resetPassword(
        database.db,
        { token: await readToken(database.db, person.email), newPassword },
        at(9),
      ),
    ).toEqual({ ok: false, reason: 'closed' });
  });

  test('of one account leaves every other as it is', async () => {
    const other = await giveSettledPerson(database.db, { now: noon });
    const token = await askForToken();
    expect(await resetPassword(database.db, { token, newPassword }, at(5))).toMatchObject({ ok: true });
    expect(await readSession(database.db, other.sessionId, after(noon, 6))).not.toBeNull();
    expect(await signIn(database.db, { email: other.email, password }, at(7))).toMatchObject({ ok: true });
    expect(await signIn(database.db, { email: other.email, password: newPassword }, at(8))).toMatchObject({
      ok: false,
    });
  });

  test('is used by exactly one of ten at the same instant', async () => {
    const token = await askForToken();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        resetPassword(database.db, { token, newPassword: `${newPassword} ${n}` }, contextAt(after(noon, 5))),
      ),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    const notices = (await readMailsTo(database.db, person.email)).filter(
      ({ template }) => template === 'passwordWasReset',
    );
    expect(notices).toHaveLength(1);
  });

  test('gives the tries back that strangers have spent', async () => {
    const { email } = person;
    for (let times = 0; times < 5; times += 1) {
      await signIn(database.db, { email, password: 'wrong' }, contextAt(after(noon, times), '203.0.113.9'));
    }
    const refused = await signIn(database.db, { email, password }, contextAt(after(noon, 9), '203.0.113.9'));
    expect(refused).toMatchObject({ reason: 'too_many_passwords' });
    const token = await askForToken(10);
    await resetPassword(database.db, { token, newPassword }, at(20));
    const other = await signIn(database.db, { email, password: newPassword }, at(21));
    expect(other).toMatchObject({ ok: true });
  });
});

describe('afterwards', () => {
  test('codes are heard again where wrong ones had shut the account to them, and a pause goes on', async () => {
    const { userId } = person;
    const key = await database.db.transaction((tx) => setUpTotp(tx, person, noon));
    const give = async (seconds: number) => {
      const { email } = person;
      const token = await askForToken(seconds);
      await resetPassword(database.db, { token, newPassword: `${newPassword} ${seconds}` }, at(seconds + 1));
      const first = await signIn(
        database.db,
        { email, password: `${newPassword} ${seconds}` },
        at(seconds + 2),
      );
      if (!first.ok || first.next !== 'second_factor') throw new Error(JSON.stringify(first));
      const now = after(noon, seconds + 3);
      const given = { kind: 'code', code: totpAt(key, now) } as const;
      const step = { token: first.pendingToken, given, trust: false, knownBrowser: null };
      return giveSecondFactor(database.db, step, contextAt(now));
    };
    const pausedUntil = after(noon, 600);
    await database.db.insert(secondFactorTries).values({ userId, wrongInARow: 20, pausedUntil });
    expect(await give(60)).toEqual({ ok: false, reason: 'paused', retryAt: pausedUntil });
    await database.db.update(secondFactorTries).set({ wrongInARow: 100, pausedUntil: null });
    expect(await give(120)).toMatchObject({ ok: true });
  });

  test('for 72 hours number and data stay where they are, then they can go', async () => {
    const token = await askForToken();
    await resetPassword(database.db, { token, newPassword }, at(0));
    const session = await openSession(database.db, person.userId, after(noon, 5));
    const { phone } = await readUser();
    const owner = { ...person, ...session, phone };
    const change = (seconds: number) =>
      changePhoneByPassword(
        database.db,
        owner,
        { phone: newPhone(), currentPassword: newPassword },
        at(seconds),
      );
    const frozen = { ok: false, reason: 'recovered_lately', retryAt: after(noon, 72 * 3600) };
    expect(await change(10)).toEqual(frozen);
    expect(await removePhoneByPassword(database.db, owner, { currentPassword: newPassword }, at(11))).toEqual(
      frozen,
    );
    expect(await exportData(database.db, person.userId, at(12))).toEqual(frozen);
    expect(await change(72 * 3600)).toMatchObject({ ok: true });
    const exported = await exportData(database.db, person.userId, at(72 * 3600));
    expect(exported.ok).toBe(true);
    if (exported.ok) await exported.chunks.return();
  });

  test('an email proven by it for the first time has nothing left on it that a stranger put there', async () => {
    await database.db.update(users).set({ emailProvenAt: null }).where(eq(users.id, person.userId));
    const before = await readUser();
    const token = await askForToken();
    expect(await resetPassword(database.db, { token, newPassword }, at(5))).toEqual({
      ok: true,
      phoneTakenOff: true,
    });
    expect(wasProvenByReset(await readUser())).toBe(true);
    expect(await readLastMail('passwordWasReset')).toContain('we took the phone number off the account');
    expect(await readUser()).toMatchObject({
      phone: null,
      emailProvenAt: after(noon, 5),
      recoveredAt: after(noon, 5),
    });
    expect(await readNumber(database.db, before.phone!)).toMatchObject({ holderUserId: null });
    // Whoever says that it was not them does not get the stranger's number back either.
    expect(await undoChanges(database.db, await readToken(database.db, person.email), at(6))).toMatchObject({
      ok: true,
    });
    expect(await readUser()).toMatchObject({ phone: null });
  });

  test('an email proven by it for the first time keeps no second factor of a stranger, and one proven before keeps its own', async () => {
    await database.db.transaction((tx) => setUpTotp(tx, person, noon));
    await resetPassword(database.db, { token: await askForToken(), newPassword }, at(5));
    expect(await readFactors(database.db, person.userId)).toMatchObject({ totp: true });
    await database.db.update(users).set({ emailProvenAt: null }).where(eq(users.id, person.userId));
    await resetPassword(database.db, { token: await askForToken(10), newPassword }, at(15));
    expect(await readFactors(database.db, person.userId)).toMatchObject({ totp: false });
  });

  test('a number that waited for its code takes the place of none', async () => {
    const next = newPhone();
    expect(await startPhoneChange(database.db, person, next, at(10))).toEqual({ ok: true });
    const challenge = await readLastChallenge(database.db, person.userId, noon);
    const token = await askForToken();
    expect(await resetPassword(database.db, { token, newPassword }, at(30))).toMatchObject({ ok: true });
    expect(await readPhoneChange(database.db, person, after(noon, 40))).toBeNull();
    const { sessionId } = await openSession(database.db, person.userId, after(noon, 40));
    const prover = {
      ...{ userId: person.userId, role: person.role, purpose: 'prove' as const, phone: next },
      ...{ changesFrom: person.phone, readFrom: { sessionId } },
    };
    const code = codesOf(challenge!)[0]!;
    expect(await checkCode(database.db, prover, code, at(50))).toMatchObject({ reason: 'no_challenge' });
  });

  test('an email that was proven before keeps its number', async () => {
    const before = await readUser();
    const token = await askForToken();
    expect(await resetPassword(database.db, { token, newPassword }, at(5))).toEqual({
      ok: true,
      phoneTakenOff: false,
    });
    expect(await readUser()).toMatchObject({ phone: before.phone });
    expect(wasProvenByReset(await readUser())).toBe(false);
    expect(await readLastMail('passwordWasReset')).not.toContain('we took the phone number off');
  });
});

test('mails that one network asks for are bounded, whatever the addresses: thirty an hour', async () => {
  const ask = (address: string) => requestReset(database.db, newEmail(), contextAt(noon, address));
  for (let times = 0; times < 30; times += 1) expect(await ask('203.0.113.7')).toEqual({ ok: true });
  expect(await ask('203.0.113.7')).toMatchObject({ ok: false, reason: 'mail_limit' });
  expect(await ask('203.0.113.8')).toEqual({ ok: true });
  // Of IPv6 a network is a /48.
  for (let times = 0; times < 30; times += 1) await ask(`2001:db8:1:${times.toString(16)}::1`);
  expect(await ask('2001:db8:1:ffff::1')).toMatchObject({ ok: false, reason: 'mail_limit' });
});

test('no second kind of mail gets an address past its share', async () => {
  const victim = newEmail();
  const asker = await giveSettledPerson(database.db, { now: noon });
  const input = {
    ...{ email: victim, name: 'Someone', password: 'violet otter cactus', phone: null, timeZone: null },
    ...{ smsOptIn: false, verifyPhone: false, tcpaConsent: false },
  };
  expect(await requestReset(database.db, victim, at(1))).toEqual({ ok: true });
  expect(
    await requestEmailChange(database.db, asker, { email: victim, currentPassword: password }, at(2)),
  ).toEqual({ ok: true });
  expect(await register(database.db, input, at(3))).toMatchObject({ ok: true });
  // Three by now: reset, change and proof. Nothing more goes there within the hour.
  expect(await register(database.db, input, at(4))).toMatchObject({ reason: 'email_unproven' });
  expect(await requestReset(database.db, victim, at(5))).toMatchObject({ reason: 'mail_limit' });
  expect(
    await requestEmailChange(database.db, asker, { email: victim, currentPassword: password }, at(6)),
  ).toMatchObject({ reason: 'mail_limit' });
  expect(await database.db.$count(mails, eq(mails.to, victim))).toBe(3);
});

describe('mails that nobody asked for are bounded', () => {
  const askForADay = async (ask: (at: Date) => Promise<{ ok: boolean }>) => {
    let sent = 0;
    for (let hour = 0; hour < 24; hour += 1) {
      for (let times = 0; times < 8; times += 1)
        sent += (await ask(after(noon, hour * 3601 + times))).ok ? 1 : 0;
    }
    return sent;
  };

  test('three an hour and ten a day to one address, whoever asks', async () => {
    const sent = await askForADay((now) => requestReset(database.db, person.email, contextAt(now)));
    expect(sent).toBe(10);
    expect(await database.db.$count(mails, eq(mails.to, person.email))).toBe(10);
  });

  test('one network spends six of them, also by another purpose, and the owner goes on', async () => {
    const stranger = await giveSettledPerson(database.db, { now: noon });
    const change = { email: person.email, currentPassword: password };
    let sent = 0;
    for (const hour of [0, 1, 2]) {
      for (let times = 0; times < 4; times += 1) {
        const context = contextAt(after(noon, hour * 3601 + times), '203.0.113.66');
        sent += (await requestEmailChange(database.db, stranger, change, context)).ok ? 1 : 0;
      }
    }
    expect(sent).toBe(6);
    expect(await requestReset(database.db, person.email, at(2 * 3601 + 10))).toEqual({ ok: true });
  });

  test('once strangers have spent all, a browser that the account knows has three an hour of its own', async () => {
    const { email } = person;
    const mark = markOf(await signIn(database.db, { email, password }, at()));
    const ask = (seconds: number, cookie: string | null) =>
      requestReset(database.db, email, at(seconds), cookie);
    for (let times = 0; times < 3; times += 1) await ask(times, null);
    const refused = { ok: false, reason: 'mail_limit', retryAt: after(noon, 3600) };
    expect(await ask(10, null)).toEqual(refused);
    const other = await giveSettledPerson(database.db, { now: noon });
    const theirs = await signIn(database.db, { email: other.email, password }, at());
    expect(await ask(11, markOf(theirs))).toEqual(refused);
    for (let times = 0; times < 3; times += 1) expect(await ask(20 + times, mark)).toEqual({ ok: true });
    expect(await ask(30, mark)).toEqual(refused);
  });
});
