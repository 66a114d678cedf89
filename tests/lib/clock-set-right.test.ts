import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { emailLinks } from '@/db/schema/mail';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { findAbandonedUsers, issuePendingToken, readPending } from '@/lib/accounts/pending';
import { listSessions, readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { listTrustedDevices, redeemTrustedDevice, trustDevice } from '@/lib/accounts/trusted-devices';
import { countTry, readTries } from '@/lib/auth/two-factor/tries';
import { findUser } from '@/lib/accounts/users';
import { keepHouse } from '@/lib/housekeeping';
import { newLink, linkUrl, readLink } from '@/lib/mail/links';
import { isFirstToday } from '@/lib/once-a-day';
import { newId } from '@/lib/random';
import { developmentSender } from '@/lib/sms/senders/sender';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { lockNumber, markUndeliverable, readNumber, readUndeliverable } from '@/lib/sms/numbers/number';
import { nameStranger, readNetworkMoment } from '@/lib/sms/numbers/subjects';
import { readLastChallenge } from '@/lib/sms/verification/challenge';
import { checkCode } from '@/lib/sms/verification/check-code';
import { askForRecovery, readRecovery } from '@/lib/sms/verification/recovery';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { checkSignInCode, hasOpenSignInCode, sendSignInCode } from '@/lib/sms/verification/sign-in-code';
import { mayRecoverByText } from '@/lib/sms/verification/send-recovery-codes';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { readVerificationState } from '@/lib/sms/verification/state';
import { logVerification, readSendPutOff } from '@/lib/sms/verification/verification-log';
import { useDatabase } from '../support/database';
import {
  after,
  contextAt,
  givePending,
  givePerson,
  newEmail,
  newPhone,
  noon,
  readCode,
} from '../support/people';
import { giveSettledPerson, openSession } from '../support/settled-person';

const database = useDatabase();
const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** By so much the clock was ahead when something was written; it was set right at noon. */
const spans = [
  ['two minutes', 2 * minute],
  ['an hour', hour],
  ['a day', day],
  ['a year', 365 * day],
] as const;

describe.each(spans)('after a clock that was ahead by %s was set right,', (_span, ahead) => {
  const wrong = after(noon, ahead);

  test('who registered then gets a code at once, and gets in with it', async () => {
    const pending = await givePending(database.db, newPhone(), wrong);
    expect(await sendCode(database.db, pending, contextAt(noon))).toEqual({ ok: true });
    const code = await readCode(database.db, pending.userId);
    const entered = await checkCode(database.db, pending, code, contextAt(after(noon, 10)));
    expect(entered).toMatchObject({ ok: true, proven: true });
    const last = await readLastChallenge(database.db, pending.userId, after(noon, 11));
    expect(last).toMatchObject({ consumedAt: after(noon, 10) });
  });

  test('who registered then may take another number, and get in with its code', async () => {
    const pending = await givePending(database.db, newPhone(), wrong);
    const phone = newPhone();
    expect(await replacePendingPhone(database.db, pending, phone, contextAt(noon))).toEqual({
      ok: true,
      refusal: null,
      changed: true,
    });
    const code = await readCode(database.db, pending.userId);
    const entered = await checkCode(database.db, { ...pending, phone }, code, contextAt(after(noon, 10)));
    expect(entered).toMatchObject({ ok: true, proven: true });
  });

  test('who registered then may go on without a code no later than anyone', async () => {
    const pending = await givePending(database.db, newPhone(), wrong);
    const { userId, phone } = pending;
    await database.db.execute(
      sql`update sms_messages set status = 'delivered', sent_at = ${wrong.toISOString()}::timestamptz where user_id = ${userId}`,
    );
    const soon = after(noon, 12 * minute);
    const state = await readVerificationState(database.db, { userId, phone }, soon);
    expect(state.skipAt).toEqual(soon);
    expect(state.sends.retryAt).toBeNull();
    expect(await skipVerification(database.db, pending, contextAt(soon))).toMatchObject({ ok: true });
  });

  test('the code of then is not right for longer than any', async () => {
    const pending = await givePending(database.db, newPhone(), wrong);
    const late = contextAt(after(noon, 30 * minute));
    const refused = await checkCode(database.db, pending, pending.code, late);
    expect(refused).toMatchObject({ ok: false, reason: 'expired' });
  });

  test('a code for signing in goes out at once', async () => {
    const { userId, phone } = await giveSettledPerson(database.db);
    const factor = { userId, phone: phone! };
    expect(await sendSignInCode(database.db, factor, contextAt(wrong))).toEqual({ ok: true });
    expect(await sendSignInCode(database.db, factor, contextAt(noon))).toEqual({ ok: true });
    expect(await hasOpenSignInCode(database.db, userId, noon)).toBe(true);
    expect(await checkSignInCode(database.db, { userId, code: '000000' }, noon)).toBe(false);
  });

  test('a number that could not be texted can be, no later than after a day', async () => {
    const phone = newPhone();
    await database.db.transaction(async (tx) => {
      await lockNumber(tx, phone);
      await markUndeliverable(tx, { phone, at: wrong });
    });
    expect(readUndeliverable(await readNumber(database.db, phone), noon)).toBeNull();
  });

  test('what a network asked for then keeps nobody from a code', async () => {
    const phone = newPhone();
    const asker = (userId: string) => nameStranger(phone, userId, '192.0.2.7');
    const strangerActs = ['one', 'two'].map((userId) => {
      const { account, network } = asker(userId);
      return { act: 'send' as const, atMs: wrong.getTime(), account, network };
    });
    const number = { proveSends: [], proveFailures: [], strangerActs };
    expect(readNetworkMoment(number, asker('three'), noon)).toBeNull();
  });

  test('a code that was put off then is not put off any more', async () => {
    const { userId, phone } = await givePending(database.db, newPhone(), noon);
    const details = { retry_at: after(wrong, 600).toISOString() };
    await logVerification(
      database.db,
      'send_refused',
      { userId, phone, reason: 'crowded', details },
      contextAt(wrong),
    );
    expect(await readSendPutOff(database.db, userId, wrong)).toMatchObject({ reason: 'crowded' });
    expect(await readSendPutOff(database.db, userId, noon)).toBeNull();
  });

  test('an account whose password was reset then is frozen for no longer than any', () => {
    const until = ahead <= 3 * day ? after(noon, 3 * day) : null;
    expect(frozenUntil({ recoveredAt: wrong }, noon)).toEqual(until);
  });

  test('a call for help is answered although it was answered then', async () => {
    const from = newPhone();
    const ask = (now: Date) =>
      receiveText(
        database.db,
        {
          sid: `SM${newId().replaceAll('-', '')}`,
          from,
          to: developmentSender,
          messagingServiceSid: null,
          body: 'I need help',
          optOutType: null,
        },
        contextAt(now),
      );
    for (let times = 0; times < 7; times += 1) await ask(wrong);
    expect(await ask(wrong)).toMatchObject({ ok: true, reply: null });
    expect(await ask(noon)).toMatchObject({ ok: true, reply: expect.anything() });
  });

  test('who was signed in then signs in again: no session lasts for longer than any', async () => {
    const { userId } = await givePerson(database.db, { active: true });
    const { sessionId } = await openSession(database.db, userId, wrong);
    expect(await readSession(database.db, sessionId, wrong)).toMatchObject({ userId });
    expect(await readSession(database.db, sessionId, noon)).toBeNull();
    expect(await listSessions(database.db, userId, noon)).toEqual([]);
    const { grant } = await mintLoginGrant(database.db, userId, wrong);
    expect(await redeemLoginGrant(database.db, grant, contextAt(noon))).toBeNull();
  });

  test('a session from before, which was used then, is over where nobody uses it from now on', async () => {
    const { userId } = await givePerson(database.db, { active: true });
    const { sessionId } = await openSession(database.db, userId, after(noon, -hour));
    const used = after(noon, Math.min(ahead, 10 * day));
    await readSession(database.db, sessionId, used);
    expect(await readSession(database.db, sessionId, noon)).toMatchObject({ userId });
    expect(await readSession(database.db, sessionId, after(noon, 14 * day + 10 * minute))).toBeNull();
  });

  test('a trusted browser of then is asked for the second factor', async () => {
    const { userId } = await givePerson(database.db, { active: true });
    const trust = (now: Date) => database.db.transaction((tx) => trustDevice(tx, userId, contextAt(now)));
    const redeem = (cookie: string) =>
      database.db.transaction((tx) => redeemTrustedDevice(tx, { cookie, userId }, contextAt(noon)));
    expect(await redeem(await trust(noon))).toMatchObject({ cookie: expect.any(String) });
    const cookie = await trust(wrong);
    expect(await listTrustedDevices(database.db, userId, noon)).toHaveLength(1);
    expect(await redeem(cookie)).toEqual({ cookie: null, replayed: false });
  });

  test('a browser that was to enter a code then may go on, no longer than any, and its account can be removed', async () => {
    const { userId } = await givePending(database.db, newPhone(), noon);
    const token = await issuePendingToken(database.db, userId, wrong);
    expect(await readPending(database.db, token, wrong)).toMatchObject({ id: userId });
    expect(await readPending(database.db, token, noon)).toMatchObject({ id: userId });
    expect(await readPending(database.db, token, after(noon, 31 * minute))).toBeNull();
    await issuePendingToken(database.db, userId, wrong);
    const now = after(noon, 8 * day);
    const abandoned = await findAbandonedUsers(database.db, { before: now, now, limit: 1_000 });
    expect(abandoned).toContain(userId);
  });

  test('a link of then works no longer than any', async () => {
    const { userId } = await givePerson(database.db, { active: true });
    const link = newLink({ purpose: 'reset', userId, email: newEmail(), now: wrong });
    await database.db.insert(emailLinks).values(link);
    const token = new URL(linkUrl(link)).searchParams.get('link')!;
    expect(await readLink(database.db, token, ['reset'], wrong)).toMatchObject({ ok: true });
    expect(await readLink(database.db, token, ['reset'], noon)).toEqual({ ok: false, reason: 'expired' });
  });

  test('a number proven then leads to no new password for longer than any', async () => {
    const { userId, phone } = await giveSettledPerson(database.db);
    await database.db.execute(
      sql`update phone_numbers set held_since = ${wrong.toISOString()}::timestamptz where number = ${phone}`,
    );
    const user = (await findUser(database.db, userId))!;
    const number = (await readNumber(database.db, phone!))!;
    const held = { passkey: false, totp: false, sms: false };
    expect(mayRecoverByText(user, number, held, wrong)).toBe(true);
    expect(mayRecoverByText(user, number, held, noon)).toBe(false);
  });

  test('an alert of then silences none', async () => {
    const name = newEmail();
    expect(await isFirstToday(database.db, name, wrong)).toBe(true);
    expect(await isFirstToday(database.db, name, noon)).toBe(true);
  });
});

test.each(['an hour', 'a day'])(
  'a browser that asked for a code to choose a password by a clock ahead by %s gets a fresh one',
  async (span) => {
    const email = newEmail();
    const wrong = after(noon, span === 'a day' ? day : hour);
    const { token } = await askForRecovery(
      database.db,
      { email, token: null, inKnownBrowser: false },
      contextAt(wrong),
    );
    const again = await askForRecovery(database.db, { email, token, inKnownBrowser: false }, contextAt(noon));
    expect(again.token).not.toBe(token);
    expect(await readRecovery(database.db, again.token, noon)).toMatchObject({ createdAt: noon });
  },
);

test('codes of a second factor that a clock a week ahead has paused are heard, and said to be', async () => {
  const { userId } = await giveSettledPerson(database.db);
  for (let wrong = 0; wrong < 10; wrong += 1)
    await countTry(database.db, userId, after(noon, 7 * day + wrong));
  expect(await readTries(database.db, userId, after(noon, 7 * day + 20))).toMatchObject({ reason: 'paused' });
  expect(await readTries(database.db, userId, noon)).toBeNull();
  expect(await countTry(database.db, userId, noon)).toMatchObject({ ok: true });
});

test('texts and mails that a clock a year ahead has put off go out once it is set right; what waits as usual goes on waiting', async () => {
  const { userId, phone } = await giveSettledPerson(database.db);
  await database.db.execute(sql`truncate sms_messages, mails`);
  for (const [hours, purpose] of [
    [365 * 24, 'update'],
    [365 * 24, 'verification'],
    [25, 'update'],
  ] as const) {
    const sendAfter = sql`now() + interval '1 hour' * ${hours}::int`;
    await database.db.execute(sql`
      insert into sms_messages (id, phone, user_id, purpose, template, created_at, send_after, status, reason)
      values (gen_random_uuid(), ${phone}, ${userId}, ${purpose}, ${hours}::text, now(), ${sendAfter}, 'queued', 'quiet_hours')`);
    await database.db.execute(sql`
      insert into mails (id, user_id, to_address, template, params, created_at, send_after, expires_at)
      values (gen_random_uuid(), ${userId}, 'a@example.com', ${hours}::text, '{}', now(), ${sendAfter}, now() + interval '9 days')`);
  }
  await keepHouse(database.db, new Date());
  const { rows: texts } = await database.db.execute(sql`
    select template, purpose, send_after <= now() as is_due from sms_messages order by template, purpose`);
  expect(texts).toEqual([
    { template: '25', purpose: 'update', is_due: false },
    { template: '8760', purpose: 'update', is_due: true },
    { template: '8760', purpose: 'verification', is_due: false },
  ]);
  const { rows: mails } = await database.db.execute(sql`
    select template, send_after <= now() as is_due from mails order by template`);
  expect(mails).toEqual([
    { template: '25', is_due: false },
    { template: '8760', is_due: true },
    { template: '8760', is_due: true },
  ]);
});
