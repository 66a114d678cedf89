import { desc, eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { phoneNumbers, recoveries, smsEnteredCodes, smsMessages } from '@/db/schema/sms';
import { readSession } from '@/lib/accounts/sessions';
import { deactivateAccount } from '@/lib/auth/admin/deactivate-account';
import { changePhoneByPassword } from '@/lib/auth/settings/change-phone-by-password';
import { changePassword } from '@/lib/auth/settings/change-password';
import { requestRecoveryCode, resetByText } from '@/lib/auth/recovery/reset-by-text';
import { addMark, issueMark } from '@/lib/auth/sign-in/known-browser';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { hashToken } from '@/lib/random';
import { openLog } from '@/lib/log';
import { changeSpend, sumSpend } from '@/lib/sms/capacity/budget';
import { countEnteredCodes } from '@/lib/sms/capacity/entered-sums';
import { readPolicyFacts } from '@/lib/sms/dispatch/send-policy-facts';
import { applySendPolicy } from '@/lib/sms/dispatch/send-policy';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { codesOf, ofRecovery, readLastChallenge } from '@/lib/sms/verification/challenge';
import { pruneRecoveries, readRecovery } from '@/lib/sms/verification/recovery';
import { sendRecoveryCodes } from '@/lib/sms/verification/send-recovery-codes';
import { sendCode } from '@/lib/sms/verification/send-code';
import { env } from '@/lib/env';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { after, contextAt, newEmail, newPhone, noon, wrongCodes } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';
import {
  enterCode,
  giveSettledPerson,
  openSession,
  password,
  readTexts,
} from '@/tests/support/settled-person';

const database = useDatabase();
const newPassword = 'purple walrus engine';
const at = (seconds = 0, address?: string) => contextAt(after(noon, seconds), address);
const log = openLog({ level: 'error', write: () => undefined });

let person: Awaited<ReturnType<typeof giveSettledPerson>> & { phone: string };

beforeEach(async () => {
  person = { ...(await giveSettledPerson(database.db, { now: noon })), phone: '' };
  person.phone = (await readUser()).phone!;
});

const readUser = async () => (await database.db.select().from(users).where(eq(users.id, person.userId)))[0]!;

const readNumberRow = async () =>
  (await database.db.select().from(phoneNumbers).where(eq(phoneNumbers.number, person.phone)))[0]!;

/** Asks as a browser does; the code goes out, if one may. Out: the browser's token. */
async function ask(
  email = person.email,
  { seconds = 0, token = null as string | null } = {},
): Promise<string> {
  const asked = await requestRecoveryCode(database.db, { email, token }, at(seconds));
  if (!asked.ok) throw new Error(`Refused: ${asked.reason}`);
  await sendRecoveryCodes(database.db, after(noon, seconds), log);
  return asked.token;
}

async function codeOf(token: string): Promise<string | null> {
  const [row] = await database.db
    .select()
    .from(recoveries)
    .where(eq(recoveries.tokenHash, hashToken(token)));
  const source = ofRecovery(row ?? null);
  return source && codesOf(source)[0]!;
}

const reset = (
  token: string | null,
  code: string,
  { seconds = 5, address = undefined as string | undefined } = {},
) => resetByText(database.db, { token, code, newPassword }, at(seconds, address));

const codesTo = async (phone: string) =>
  (await readTexts(database.db, phone)).filter(({ sendClass }) => sendClass === 'recover');

test('a code that chose a new password counts as entered for its wide network', async () => {
  const wide = 'wide-network:carrier';
  const reservedAt = after(noon, 2);
  const token = await ask();
  const [text] = await codesTo(person.phone);
  await database.db
    .update(smsMessages)
    .set({
      ...{ wideNetwork: wide, spendScopes: ['all', wide], reservedAt },
      ...{ price: '0.010000', estimatedPrice: '0.010000' },
    })
    .where(eq(smsMessages.id, text!.id));
  await changeSpend(database.db, [{ scopes: ['all', wide], reservedAt, micros: 10_000n }]);
  const all = await sumSpend(database.db, 'all', after(noon, 10));
  expect(await reset(token, wrongCodes((await codeOf(token))!, 1)[0]!)).toMatchObject({ ok: false });
  const entered = () => sumSpend(database.db, `entered:${wide}`, after(noon, 10));
  expect(await countEnteredCodes(database.db, after(noon, 10), 10)).toBe(0);
  expect(await reset(token, (await codeOf(token))!)).toMatchObject({ ok: true });
  expect(await countEnteredCodes(database.db, after(noon, 10), 10)).toBe(1);
  expect(await entered()).toBe(10_000n);
  expect(await sumSpend(database.db, 'all', after(noon, 10))).toBe(all);
});

describe('asking for a code', () => {
  test('is answered alike, counted alike and takes the same statements for every email', async () => {
    const admin = await giveSettledPerson(database.db, { role: 'admin', now: noon });
    const phoneless = await giveSettledPerson(database.db, { phone: null, now: noon });
    const seen: { statements: string[]; answers: unknown[] }[] = [];
    for (const email of [person.email, newEmail(), admin.email, phoneless.email]) {
      const answers: unknown[] = [];
      const statements = await recordStatements(database.pool, async () => {
        for (let times = 0; times < 4; times += 1) {
          const answer = await requestRecoveryCode(database.db, { email, token: null }, at(times));
          answers.push(answer.ok ? Object.keys(answer) : answer);
        }
      });
      seen.push({ statements, answers });
    }
    for (const other of seen.slice(1)) expect(other).toEqual(seen[0]);
    expect(seen[0]!.answers[3]).toEqual({ ok: false, reason: 'send_limit', retryAt: after(noon, 3600) });
  });

  test('a text says what the code opens, passes the policy, and counts in the class of recovering alone', async () => {
    const token = await ask();
    const [text] = await codesTo(person.phone);
    expect(text).toMatchObject({ purpose: 'verification', userId: person.userId, status: 'queued' });
    const facts = (await readPolicyFacts(database.db, [text!.id])).get(text!.id)!;
    const answer = await applySendPolicy(facts, { now: after(noon, 1), env: env() });
    expect(answer).toMatchObject({
      answer: 'send',
      body: expect.stringMatching(
        new RegExp(`^${await codeOf(token)} resets your Doorstep password. Expires in 10 minutes.`),
      ),
    });
    expect(await readNumberRow()).toMatchObject({
      recoverSends: [noon],
      proveAgainSends: [],
      signInSends: [],
    });
  });

  test.each([
    ['of staff', () => database.db.update(users).set({ role: 'staff' })],
    ['that is shut', () => database.db.update(users).set({ deactivatedAt: noon })],
    ['that was never opened', () => database.db.update(users).set({ activatedAt: null })],
  ])('sends nothing to an account %s', async (_what, change) => {
    await change().where(eq(users.id, person.userId));
    const token = await ask();
    expect(await codesTo(person.phone)).toEqual([]);
    expect(await codeOf(token)).toBeNull();
  });

  test.each([
    ['was proven 90 days ago', { heldSince: after(noon, -90 * 86_400) }],
    ['is held by nobody', { holderUserId: null }],
    ['a carrier listed as out of service since', { outOfServiceOn: '2026-11-19' }],
    ['texts did not reach on three days', { deadTexts: [noon, noon, noon] }],
    ['has opted out', { suppressedAt: noon }],
    ['cannot be texted', { undeliverableAt: noon }],
    ['has had fifteen wrong codes', { recoverFailures: Array.from({ length: 15 }, () => noon) }],
    ['has had its three codes of the hour', { recoverSends: [noon, noon, noon] }],
  ])('sends nothing to a number that %s', async (_what, change) => {
    await database.db.update(phoneNumbers).set(change).where(eq(phoneNumbers.number, person.phone));
    await ask();
    expect(await codesTo(person.phone)).toEqual([]);
  });

  test('codes of other kinds that were sent or failed keep nobody from coming back', async () => {
    const full = Array.from({ length: 15 }, () => noon);
    await database.db
      .update(phoneNumbers)
      .set({
        proveSends: full,
        proveAgainSends: full,
        signInSends: full,
        proveFailures: full,
        proveAgainFailures: full,
      })
      .where(eq(phoneNumbers.number, person.phone));
    await ask();
    expect(await codesTo(person.phone)).toHaveLength(1);
  });

  test('leaves a code alone that the owner asked for to change their number', async () => {
    const next = newPhone();
    expect(
      await changePhoneByPassword(database.db, person, { phone: next, currentPassword: password }, at()),
    ).toEqual({ ok: true });
    const before = await readLastChallenge(database.db, person.userId, noon);
    await ask(person.email, { seconds: 1 });
    expect(await readLastChallenge(database.db, person.userId, noon)).toEqual(before);
    expect(await enterCode(database.db, person, after(noon, 5))).toMatchObject({ ok: true });
    expect((await readUser()).phone).toBe(next);
  });

  test('asking again in the same browser brings the same code; in another one, another', async () => {
    const token = await ask();
    const code = await codeOf(token);
    await database.db.update(smsMessages).set({ status: 'sent', attempts: 1 });
    expect(await ask(person.email, { seconds: 60, token })).toBe(token);
    expect(await codesTo(person.phone)).toHaveLength(2);
    expect(await codeOf(token)).toBe(code);
    const other = await ask(person.email, { seconds: 120 });
    expect(await codeOf(other)).not.toBe(code);
    // Near its end a code would arrive too late, and of another email it is another request.
    expect(await ask(newEmail(), { seconds: 130, token })).not.toBe(token);
    expect(await readRecovery(database.db, token, after(noon, 130))).not.toBeNull();
  });

  test('asking again while the text waits in the line brings no other', async () => {
    const token = await ask();
    expect(await ask(person.email, { seconds: 50, token })).toBe(token);
    expect(await codesTo(person.phone)).toHaveLength(1);
    expect((await readNumberRow()).recoverSends).toHaveLength(1);
  });

  test('two processes that look at the same moment send one code', async () => {
    await requestRecoveryCode(database.db, { email: person.email, token: null }, at());
    await Promise.all([1, 2, 3].map(() => sendRecoveryCodes(database.db, noon, log)));
    expect(await codesTo(person.phone)).toHaveLength(1);
  });

  test('thirty an hour from one network, whatever the emails', async () => {
    const askFrom = (address: string) =>
      requestRecoveryCode(database.db, { email: newEmail(), token: null }, at(0, address));
    for (let times = 0; times < 30; times += 1)
      expect(await askFrom('198.51.100.7')).toMatchObject({ ok: true });
    expect(await askFrom('198.51.100.7')).toMatchObject({ ok: false, reason: 'send_limit' });
    expect(await askFrom('198.51.100.8')).toMatchObject({ ok: true });
  });
});

describe('entering the code', () => {
  test('does all that a reset by link does, and signs nobody in', async () => {
    const { sessionId } = await openSession(database.db, person.userId, noon);
    const known = await signIn(database.db, { email: person.email, password }, at());
    const token = await ask();
    const stranger = await ask(person.email, { seconds: 1 });
    expect(await reset(token, (await codeOf(token))!)).toEqual({ ok: true });

    expect(await readSession(database.db, sessionId, after(noon, 6))).toBeNull();
    expect(await signIn(database.db, { email: person.email, password }, at(7))).toMatchObject({ ok: false });
    const again = await signIn(database.db, { email: person.email, password: newPassword }, at(8));
    expect(again).toMatchObject({ ok: true, next: 'dashboard' });
    expect(known.ok).toBe(true);
    const user = await readUser();
    expect(user).toMatchObject({
      recoveredAt: after(noon, 5),
      passwordChangedAt: after(noon, 5),
      phone: person.phone,
    });
    const session = await openSession(database.db, person.userId, after(noon, 59));
    expect(
      await changePhoneByPassword(
        database.db,
        { ...person, ...session },
        { phone: newPhone(), currentPassword: newPassword },
        at(60),
      ),
    ).toMatchObject({ reason: 'recovered_lately', retryAt: after(noon, 5 + 72 * 3600) });
    // Whoever asked in another browser has nothing left.
    expect(await reset(stranger, (await codeOf(stranger))!, { seconds: 9 })).toEqual({
      ok: false,
      reason: 'over',
    });
    const [entry] = await database.db
      .select()
      .from(auditLog)
      .where(eq(auditLog.action, 'password_reset'))
      .orderBy(desc(auditLog.id));
    expect(entry).toMatchObject({ userId: person.userId, details: { reason: 'by_text' } });
  });

  test('proves the number again, and Twilio is told that the code was entered', async () => {
    const token = await ask();
    const code = (await codeOf(token))!;
    await withSettings({ smsBackend: 'twilio' }, () => reset(token, code));
    expect(await readNumberRow()).toMatchObject({ provenAgainAt: after(noon, 5), heldSince: noon });
    const challengeId = (await codesTo(person.phone))[0]!.challengeId!;
    expect(
      await database.db.select().from(smsEnteredCodes).where(eq(smsEnteredCodes.challengeId, challengeId)),
    ).toMatchObject([{ enteredAt: after(noon, 5), tries: 0 }]);
  });

  test('is wrong once the number it went to is in doubt', async () => {
    const token = await ask();
    const code = (await codeOf(token))!;
    await database.db
      .update(phoneNumbers)
      .set({ outOfServiceOn: '2026-11-19' })
      .where(eq(phoneNumbers.number, person.phone));
    expect(await reset(token, code)).toMatchObject({ ok: false, reason: 'wrong_code' });
    expect(await readNumberRow()).toMatchObject({ outOfServiceOn: '2026-11-19', provenAgainAt: null });
  });

  test('works once, also for two at the same instant', async () => {
    const token = await ask();
    const code = (await codeOf(token))!;
    const both = await Promise.all([reset(token, code), reset(token, code)]);
    expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await reset(token, code, { seconds: 20 })).toEqual({ ok: false, reason: 'over' });
  });

  test('a code is worth nothing in another browser, after ten minutes, or for another request', async () => {
    const token = await ask();
    const code = (await codeOf(token))!;
    expect(await reset(null, code)).toEqual({ ok: false, reason: 'over' });
    expect(await reset('a made up token', code)).toEqual({ ok: false, reason: 'over' });
    const own = await ask(newEmail(), { seconds: 1 });
    expect(await reset(own, code)).toMatchObject({ ok: false, reason: 'wrong_code' });
    const sibling = await ask(person.email, { seconds: 2 });
    expect(await reset(sibling, code)).toMatchObject({ ok: false, reason: 'wrong_code' });
    expect(await reset(token, code, { seconds: 600 })).toEqual({ ok: false, reason: 'over' });
  });

  test('a wrong code is answered alike after the same statements, whether a text went out or not', async () => {
    const tokens = [await ask(), await ask(newEmail())];
    const codes = wrongCodes((await codeOf(tokens[0]!))!, 6);
    const seen = [];
    for (const token of tokens) {
      const answers: unknown[] = [];
      const statements = await recordStatements(database.pool, async () => {
        for (const [index, code] of codes.entries())
          answers.push(await reset(token, code, { seconds: 10 + index }));
      });
      seen.push({ answers, statements });
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]!.answers).toEqual([
      ...[4, 3, 2, 1, 0].map((triesLeft) => ({ ok: false, reason: 'wrong_code', triesLeft })),
      { ok: false, reason: 'over' },
    ]);
  });

  test('one network spends neither all codes of a day nor all tries: its owner recovers from elsewhere', async () => {
    const stranger = '203.0.113.9';
    const hours = Array.from({ length: 20 }, (_, hour) => hour * 3700);
    let asked = 0;
    for (const seconds of hours) {
      for (let times = 0; times < 3; times += 1) {
        const answer = await requestRecoveryCode(
          database.db,
          { email: person.email, token: null },
          at(seconds + times, stranger),
        );
        if (!answer.ok) continue;
        asked += 1;
        const wrong = wrongCodes((await codeOf(answer.token)) ?? '123456', 5);
        for (const code of wrong)
          await reset(answer.token, code, { seconds: seconds + 4, address: stranger });
      }
    }
    expect(asked).toBe(6);
    expect((await readNumberRow()).recoverFailures.length).toBeLessThanOrEqual(10);
    const seconds = 10 * 3700 + 60;
    const token = await ask(person.email, { seconds });
    expect(await reset(token, (await codeOf(token))!, { seconds: seconds + 5 })).toMatchObject({ ok: true });
  });

  describe('a browser that the account knows', () => {
    const strangers = ['203.0.113.9', '198.51.100.7'];
    const marked = async (user = readUser()) => addMark(null, issueMark(await user, noon));
    const askIn = async (knownBrowser: string, seconds: number) => {
      const { email } = person;
      const asked = await requestRecoveryCode(database.db, { email, token: null, knownBrowser }, at(seconds));
      await sendRecoveryCodes(database.db, after(noon, seconds), log);
      return asked;
    };

    /** Two networks spend all codes and all tries that there are for an email, hour after hour. Out: when the day has gone by half. */
    async function spendAll(): Promise<number> {
      for (let hour = 0; hour < 12; hour += 1) {
        for (const address of [...strangers, ...strangers]) {
          const { email } = person;
          const asked = await requestRecoveryCode(
            database.db,
            { email, token: null },
            at(hour * 3700, address),
          );
          await sendRecoveryCodes(database.db, after(noon, hour * 3700), log);
          if (!asked.ok) continue;
          for (const code of wrongCodes((await codeOf(asked.token)) ?? '123456', 5))
            await reset(asked.token, code, { seconds: hour * 3700 + 4, address });
        }
      }
      return 12 * 3700;
    }

    test('has codes and tries that no stranger spends', async () => {
      const seconds = await spendAll();
      const without = await requestRecoveryCode(
        database.db,
        { email: person.email, token: null },
        at(seconds),
      );
      expect(without.ok).toBe(false);
      const asked = await askIn(await marked(), seconds);
      if (!asked.ok) throw new Error('Refused');
      const code = (await codeOf(asked.token))!;
      const [wrong] = wrongCodes(code, 1);
      expect(await reset(asked.token, wrong!, { seconds: seconds + 1 })).toEqual({
        ...{ ok: false, reason: 'wrong_code', triesLeft: 4 },
      });
      expect(await readNumberRow()).toMatchObject({
        proveAgainSends: [after(noon, seconds)],
        proveAgainFailures: [after(noon, seconds + 1)],
      });
      expect(await reset(asked.token, code, { seconds: seconds + 2 })).toEqual({ ok: true });
    });

    test('has no more than its own besides those of everybody, and fifteen wrong codes in a day', async () => {
      const knownBrowser = await marked();
      const tokens: string[] = [];
      for (let times = 0; times < 3; times += 1) {
        const asked = await askIn(knownBrowser, times);
        if (asked.ok) tokens.push(asked.token);
      }
      expect(tokens).toHaveLength(3);
      for (const token of tokens)
        for (const code of wrongCodes((await codeOf(token))!, 5)) await reset(token, code, { seconds: 9 });
      expect((await readNumberRow()).proveAgainFailures).toHaveLength(15);
      expect((await readNumberRow()).recoverFailures).toEqual([]);
      // What everybody may have is left to it, as to any other.
      const fourth = await askIn(knownBrowser, 20);
      if (!fourth.ok) throw new Error('Refused');
      expect(await codesTo(person.phone)).toHaveLength(1);
      expect(await reset(fourth.token, (await codeOf(fourth.token))!, { seconds: 30 })).toEqual({ ok: true });
    });

    test.each([
      ['of another account', async () => marked(readOther())],
      ['of a password that was changed since', async () => marked(readFormer())],
      ['that is forged', async () => `${(await marked()).slice(0, -4)}AAAA`],
    ])('is no browser with a mark %s', async (_what, mark) => {
      const seconds = await spendAll();
      expect(await askIn(await mark(), seconds)).toMatchObject({ ok: false, reason: 'send_limit' });
    });

    const readFormer = async () => ({ ...(await readUser()), passwordChangedAt: after(noon, -9_999) });
    const readOther = async () => {
      const { userId } = await giveSettledPerson(database.db, { now: noon });
      return (await database.db.select().from(users).where(eq(users.id, userId)))[0]!;
    };
  });

  test('fifteen wrong codes in a day close the email and the number, over all requests and browsers, even for a right one', async () => {
    const tokens = [
      await ask(),
      await ask(person.email, { seconds: 1 }),
      await ask(person.email, { seconds: 2 }),
    ];
    for (const token of tokens) {
      const codes = wrongCodes((await codeOf(token))!, 5);
      await Promise.all(codes.map((code) => reset(token, code, { seconds: 10 })));
    }
    expect((await readNumberRow()).recoverFailures).toHaveLength(15);
    const fourth = await ask(person.email, { seconds: 3700 });
    expect(await codeOf(fourth)).not.toBeNull();
    expect(await codesTo(person.phone)).toHaveLength(3);
    expect(await reset(fourth, (await codeOf(fourth))!, { seconds: 3710 })).toMatchObject({
      ok: false,
      reason: 'too_many_codes',
    });
    // Nor does the number hear a right code where only it is closed.
    const { emailKey } = await readUser();
    await database.db.update(users).set({ emailKey: newEmail() }).where(eq(users.id, person.userId));
    const moved = await readUser();
    const fifth = await ask(moved.emailKey, { seconds: 3720 });
    expect(await reset(fifth, (await codeOf(fifth))!, { seconds: 3730 })).toMatchObject({
      reason: 'wrong_code',
    });
    expect(moved.emailKey).not.toBe(emailKey);
  });

  test.each([
    [
      'opted out',
      () =>
        database.db.transaction((tx) =>
          optOut(tx, { phone: person.phone, by: 'sms_stop', now: after(noon, 1) }),
        ),
    ],
    [
      'was shut',
      () => deactivateAccount(database.db, { userId: person.userId, author: { operator: 'test' } }, at(1)),
    ],
    [
      'lost the number to someone else',
      async () => {
        const other = await giveSettledPerson(database.db, { phone: null, now: noon });
        await database.db
          .update(phoneNumbers)
          .set({ holderUserId: other.userId })
          .where(eq(phoneNumbers.number, person.phone));
      },
    ],
    [
      'became staff',
      () => database.db.update(users).set({ role: 'staff' }).where(eq(users.id, person.userId)),
    ],
  ])('a right code counts as wrong once the account %s', async (_what, happen) => {
    const token = await ask();
    await happen();
    expect(await reset(token, (await codeOf(token))!)).toEqual({
      ok: false,
      reason: 'wrong_code',
      triesLeft: 4,
    });
    expect(await readUser()).toMatchObject({ recoveredAt: null });
  });

  test('ends with another new password', async () => {
    const token = await ask();
    const changed = await changePassword(
      database.db,
      person,
      { currentPassword: password, newPassword: 'walnut harbor lamp' },
      at(3),
    );
    expect(changed.ok).toBe(true);
    expect(await reset(token, (await codeOf(token))!)).toEqual({ ok: false, reason: 'over' });
  });

  test('a password that may not be chosen costs no try, and tells the name of nobody to who has no code', async () => {
    const token = await ask();
    const code = (await codeOf(token))!;
    const decoy = await ask(newEmail());
    const withName = (whose: string, given: string) =>
      resetByText(database.db, { token: whose, code: given, newPassword: 'settledperson1' }, at(5));
    expect(await withName(token, wrongCodes(code, 1)[0]!)).toEqual({
      ok: false,
      reason: 'wrong_code',
      triesLeft: 4,
    });
    expect(await withName(decoy, code)).toEqual({ ok: false, reason: 'wrong_code', triesLeft: 4 });
    expect(await withName(token, code)).toEqual({
      ok: false,
      reason: 'new_password',
      why: 'contains_identity',
    });
    expect(await resetByText(database.db, { token, code, newPassword: 'password1' }, at(5))).toMatchObject({
      reason: 'new_password',
      why: 'common',
    });
    expect(await reset(token, '12345')).toEqual({ ok: false, reason: 'not_a_code' });
    expect((await readNumberRow()).recoverFailures).toHaveLength(1);
    expect(await reset(token, code)).toEqual({ ok: true });
  });
});

test('nothing of a request is kept past its time, and its code is nowhere', async () => {
  const token = await ask();
  const code = (await codeOf(token))!;
  await ask(newEmail());
  const rows = JSON.stringify([
    await database.db.select().from(recoveries),
    await database.db.select().from(smsMessages).where(eq(smsMessages.phone, person.phone)),
  ]);
  expect(rows).not.toContain(code);
  expect(rows).not.toContain(token);
  expect(await pruneRecoveries(database.db, after(noon, 86_400), 1000)).toBeGreaterThan(1);
  expect(await database.db.select().from(recoveries)).toEqual([]);
});

test('a code that changes the password is no code for the number, and the other way round', async () => {
  const token = await ask();
  const prover = {
    userId: person.userId,
    role: 'applicant' as const,
    phone: person.phone,
    purpose: 'prove' as const,
  };
  expect(await sendCode(database.db, prover, at(1))).toEqual({ ok: true });
  const challenge = (await readLastChallenge(database.db, person.userId, noon))!;
  expect(await reset(token, codesOf(challenge)[0]!)).toMatchObject({ reason: 'wrong_code' });
});

test('a recovery of a clock gone wrong is removed too, whatever it says of its end', async () => {
  for (const end of ['infinity', '2999-01-01', '-infinity']) {
    await database.db.execute(sql`
      insert into recoveries (id, token_hash, email, email_key, nonce, address, created_at, expires_at)
      values (gen_random_uuid(), ${Buffer.from(end)}, ${person.email}, ${person.email}, ${Buffer.from(end)}, '203.0.113.1',
        now(), ${end}::timestamptz)`);
  }
  await pruneRecoveries(database.db, new Date(), 1000);
  const { rows } = await database.db.execute(sql`select from recoveries where email_key = ${person.email}`);
  expect(rows).toHaveLength(0);
});
