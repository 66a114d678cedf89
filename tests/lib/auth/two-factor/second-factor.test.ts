import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { trustedDevices } from '@/db/schema/two-factor';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { changePasswordHash } from '@/lib/accounts/stored-password';
import { changePassword } from '@/lib/auth/settings/change-password';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { dropTotp } from '@/lib/auth/two-factor/enrollment';
import type { GivenFactor } from '@/lib/auth/two-factor/prove-factor';
import { giveSecondFactor } from '@/lib/auth/two-factor/second-factor';
import { stepUpByFactor } from '@/lib/auth/two-factor/step-up';
import { meanwhile, releaseTogether, untilWaiting } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { giveRecoveryCodes, giveTotp, totpAt } from '@/tests/support/factors';
import { readMailsTo } from '@/tests/support/mails';
import { after, contextAt, newEmail, newPhone, noon } from '@/tests/support/people';
import {
  giveSettledPerson,
  openSession,
  password,
  proveEmailOf,
  readSessionOf,
  readTexts,
  type SettledPerson,
} from '@/tests/support/settled-person';

const database = useDatabase();

const later = after(noon, 3600);

/** A broker with an authenticator app, whose first step is done at `later`. */
async function giveBroker() {
  const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
  const key = await giveTotp(database.db, person, noon);
  return { person, key };
}

async function firstStep({ email }: SettledPerson, now = later, trustedDevice: string | null = null) {
  const signedIn = await signIn(database.db, { email, password, trustedDevice }, contextAt(now));
  if (!signedIn.ok || signedIn.next !== 'second_factor') throw new Error(JSON.stringify(signedIn));
  return signedIn.pendingToken;
}

const give = (token: string | null, given: GivenFactor, now = later, trust = false) =>
  giveSecondFactor(database.db, { token, given, trust, knownBrowser: null }, contextAt(now));
/** What the owner was told, by mail and by text, about codes. */
async function readNews({ email, phone }: SettledPerson) {
  const mails = (await readMailsTo(database.db, email)).map(({ template }) => template);
  const texts = (await readTexts(database.db, phone!)).map(
    ({ params }) => (params as { event?: string }).event,
  );
  const isNews = /recovery code was|wrong codes|recoveryCodeUsed|secondFactorPaused/;
  return [...mails, ...texts].filter((news) => isNews.test(news ?? '')).sort();
}

const giveCode = (token: string | null, code: string, now = later, trust = false) =>
  give(token, { kind: 'code', code }, now, trust);

async function open(grant: string, now = later) {
  const { sessionId } = (await redeemLoginGrant(database.db, grant, contextAt(now)))!;
  return readSession(database.db, sessionId, now);
}

describe('the second step', () => {
  test('follows the password, and its session has shown a second factor', async () => {
    const { person, key } = await giveBroker();
    const token = await firstStep(person);
    const answer = await giveCode(token, totpAt(key, later));
    expect(answer).toMatchObject({ ok: true, trustedDevice: null });
    expect(await open(answer.ok ? answer.grant : '')).toMatchObject({
      userId: person.userId,
      standing: 'open',
      secondFactorAt: later,
    });
  });

  test('is over after ten minutes, once it was done, and when the password was changed', async () => {
    const { person, key } = await giveBroker();
    const over = { ok: false, reason: 'over' };
    const old = await firstStep(person);
    const tooLate = after(later, 601);
    expect(await giveCode(old, totpAt(key, tooLate), tooLate)).toEqual(over);
    const used = await firstStep(person);
    expect(await giveCode(used, totpAt(key, later))).toMatchObject({ ok: true });
    const next = after(later, 60);
    expect(await giveCode(used, totpAt(key, next), next)).toEqual(over);
    const ended = await firstStep(person);
    const passwords = { currentPassword: password, newPassword: 'another long phrase' };
    const fresh = await openSession(database.db, person.userId, later, { secondFactorAt: later });
    expect(
      await changePassword(database.db, { ...person, ...fresh }, passwords, contextAt(later)),
    ).toMatchObject({
      ok: true,
    });
    expect(await giveCode(ended, totpAt(key, next), next)).toEqual(over);
    expect(await giveCode(null, totpAt(key, next), next)).toEqual(over);
  });

  test('is over where the app is taken off while its code is checked', async () => {
    const person = await giveSettledPerson(database.db);
    const key = await giveTotp(database.db, person, noon);
    const owner = await readSessionOf(database.db, person, after(noon, 100));
    const token = await firstStep(person, after(noon, 100));
    const [dropped, answer] = await releaseTogether<unknown>(database.pool, meanwhile(person.userId, ''), 2, [
      () => dropTotp(database.db, owner, contextAt(after(noon, 100))),
      async () => {
        await untilWaiting(database.pool, 1);
        return giveCode(token, totpAt(key, after(noon, 100)), after(noon, 100), true);
      },
    ]);
    expect(dropped).toMatchObject({ value: { ok: true } });
    expect(answer).toMatchObject({ value: { ok: false, reason: 'over' } });
    expect(await database.db.$count(trustedDevices, eq(trustedDevices.userId, person.userId))).toBe(0);
  });

  test('takes a code of the app once, and none of before it afterwards', async () => {
    const { person, key } = await giveBroker();
    const earlier = totpAt(key, after(later, -30));
    expect(await giveCode(await firstStep(person), totpAt(key, later))).toMatchObject({ ok: true });
    for (const code of [totpAt(key, later), earlier]) {
      expect(await giveCode(await firstStep(person), code)).toMatchObject({ reason: 'wrong_code' });
    }
    const next = after(later, 30);
    expect(await giveCode(await firstStep(person), totpAt(key, next), next)).toMatchObject({ ok: true });
  });

  test('of an unknown browser tells the owner once, so that three an hour are heard of', async () => {
    const { person, key } = await giveBroker();
    await proveEmailOf(database.db, person);
    for (let times = 0; times < 4; times += 1) {
      const now = after(later, times * 60);
      expect(await giveCode(await firstStep(person, now), totpAt(key, now), now)).toMatchObject({ ok: true });
    }
    const told = (await readMailsTo(database.db, person.email)).map(({ template }) => template);
    expect(told.filter((template) => template === 'newDevice')).toHaveLength(3);
  });

  test('hears what is no code without counting it', async () => {
    const { person, key } = await giveBroker();
    const token = await firstStep(person);
    for (const code of ['', '12345', '1234567', 'abcdef', 'null', '٣'.repeat(5)]) {
      expect(await giveCode(token, code)).toEqual({ ok: false, reason: 'not_a_code' });
    }
    // Digits of another script are digits.
    const arabic = [...totpAt(key, later)]
      .map((digit) => String.fromCharCode(0x660 + Number(digit)))
      .join('');
    expect(await giveCode(token, arabic)).toMatchObject({ ok: true });
  });

  test('takes a recovery code once, in any spelling', async () => {
    const { person } = await giveBroker();
    const user = await readSessionOf(database.db, person, noon);
    const codes = await giveRecoveryCodes(database.db, user, noon);
    const typed = ` ${codes[0]!.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
    const given = { kind: 'recovery_code', code: typed } as const;
    expect(await give(await firstStep(person), given)).toMatchObject({ ok: true });
    expect(await give(await firstStep(person), given)).toMatchObject({ reason: 'wrong_code' });
    // The one that was typed back is not used up.
    const other = { kind: 'recovery_code', code: codes[3]! } as const;
    expect(await give(await firstStep(person), other)).toMatchObject({ ok: true });
  });
});

describe('guesses', () => {
  test('pause after ten in a row, over all kinds of codes, then for longer; the right one starts the count again', async () => {
    const { person, key } = await giveBroker();
    const token = await firstStep(person);
    const wrong = totpAt(key, after(later, 9000));
    for (let tries = 9; tries > 0; tries -= 1) {
      const given: GivenFactor =
        tries % 2 ? { kind: 'code', code: wrong } : { kind: 'recovery_code', code: '0'.repeat(24) };
      expect(await give(token, given)).toMatchObject({ ifWrong: { triesLeft: tries } });
    }
    const pausedUntil = after(later, 900);
    expect(await giveCode(token, wrong)).toMatchObject({ ifWrong: { pausedUntil } });
    expect(await giveCode(token, totpAt(key, later))).toEqual({
      ok: false,
      reason: 'paused',
      retryAt: pausedUntil,
    });
    const again = after(later, 901);
    for (let tries = 0; tries < 9; tries += 1) await giveCode(await firstStep(person, again), wrong, again);
    expect(await giveCode(await firstStep(person, again), wrong, again)).toMatchObject({
      ifWrong: { pausedUntil: after(again, 1800) },
    });
    const free = after(again, 1801);
    expect(await giveCode(await firstStep(person, free), totpAt(key, free), free)).toMatchObject({
      ok: true,
    });
    expect(await giveCode(await firstStep(person, free), wrong, free)).toMatchObject({
      ifWrong: { triesLeft: 9 },
    });
  });

  test('of forty at the same instant no more than ten are heard', async () => {
    const { person, key } = await giveBroker();
    const tokens = await Promise.all(Array.from({ length: 4 }, () => firstStep(person)));
    const wrong = totpAt(key, after(later, 9000));
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => giveCode(tokens[i % 4]!, wrong)));
    expect(answers.filter((answer) => !answer.ok && answer.reason === 'wrong_code')).toHaveLength(10);
    expect(answers.filter((answer) => !answer.ok && answer.reason === 'paused')).toHaveLength(30);
  });

  test('of a hundred in a row shut the account to codes until someone helps', async () => {
    const { person, key } = await giveBroker();
    await database.pool.query(
      'insert into second_factor_tries (user_id, wrong_in_a_row, paused_until) values ($1, 99, null)',
      [person.userId],
    );
    const token = await firstStep(person);
    expect(await giveCode(token, totpAt(key, after(later, 9000)))).toMatchObject({ ifWrong: { shut: true } });
    const day = after(later, 400);
    expect(await giveCode(token, totpAt(key, day), day)).toEqual({ ok: false, reason: 'shut' });
  });

  test('of a right code twenty at the same instant sign in once', async () => {
    const { person, key } = await giveBroker();
    const token = await firstStep(person);
    const code = totpAt(key, later);
    const answers = await Promise.all(Array.from({ length: 8 }, () => giveCode(token, code)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('tell the owner by mail and by text when they pause, as the use of a recovery code does', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: newPhone() });
    await proveEmailOf(database.db, person);
    const key = await giveTotp(database.db, person, noon);
    const codes = await giveRecoveryCodes(database.db, await readSessionOf(database.db, person, noon), noon);
    const given = { kind: 'recovery_code', code: codes[0]! } as const;
    expect(await give(await firstStep(person), given)).toMatchObject({ ok: true });
    const used = ['a recovery code was used', 'recoveryCodeUsed'];
    expect(await readNews(person)).toEqual(used);
    const token = await firstStep(person);
    const wrong = totpAt(key, after(later, 9000));
    for (let tries = 0; tries < 9; tries += 1) await giveCode(token, wrong);
    expect(await readNews(person)).toEqual(used);
    await giveCode(token, wrong);
    expect(await readNews(person)).toEqual(
      [...used, 'many wrong codes were entered', 'secondFactorPaused'].sort(),
    );
  });

  test('are told at the address that the account has by then, not at the one of before', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    await proveEmailOf(database.db, person);
    const session = await readSessionOf(database.db, person, after(noon, 60));
    const wrong = () =>
      stepUpByFactor(database.db, session, { kind: 'code', code: '000000' }, contextAt(after(noon, 60)));
    for (let round = 0; round < 9; round += 1) await wrong();
    const { userId, email } = person;
    const back = newEmail();
    const putBack = `select 1 from second_factor_tries where user_id = '${userId}' for update;
      update users set email = '${back}', email_key = '${back}' where id = '${userId}'`;
    const [tenth] = await releaseTogether<unknown>(database.pool, putBack, 1, [wrong]);
    expect(tenth).toMatchObject({ value: { reason: 'wrong_code' } });
    const templates = async (to: string) =>
      (await readMailsTo(database.db, to)).map(({ template }) => template);
    expect(await templates(back)).toContain('secondFactorPaused');
    expect(await templates(email)).not.toContain('secondFactorPaused');
  });

  test('are in the activity of the account', async () => {
    const { person, key } = await giveBroker();
    await giveCode(await firstStep(person), totpAt(key, after(later, 9000)));
    const rows = await database.db.select().from(auditLog).where(eq(auditLog.userId, person.userId));
    expect(rows.map(({ action }) => action)).toContain('second_factor_refused');
  });
});

describe('a trusted browser', () => {
  async function giveTrusted() {
    const { person, key } = await giveBroker();
    const answer = await giveCode(await firstStep(person), totpAt(key, later), later, true);
    if (!answer.ok || answer.trustedDevice === null) throw new Error('Not trusted');
    return { person, key, cookie: answer.trustedDevice };
  }
  const enter = ({ email }: SettledPerson, trustedDevice: string | null, now = after(later, 60)) =>
    signIn(database.db, { email, password, trustedDevice }, contextAt(now));

  test('skips the second step with another cookie each time, and its session has shown none', async () => {
    const { person, cookie } = await giveTrusted();
    const first = await enter(person, cookie);
    if (!first.ok || first.next !== 'dashboard') throw new Error('Asked');
    expect(first.trustedDevice).not.toBe(cookie);
    expect(await open(first.grant, after(later, 60))).toMatchObject({
      standing: 'open',
      secondFactorAt: null,
    });
    expect(await enter(person, first.trustedDevice)).toMatchObject({ next: 'dashboard' });
  });

  test('is trusted no more once its cookie is used a second time, in whichever order', async () => {
    const { person, cookie } = await giveTrusted();
    const first = await enter(person, cookie);
    expect(await enter(person, cookie)).toMatchObject({ next: 'second_factor' });
    const newest = first.ok && first.next === 'dashboard' ? first.trustedDevice : '';
    expect(await enter(person, newest)).toMatchObject({ next: 'second_factor' });
  });

  test('of which a copy was used ends the sessions that it opened, and no others', async () => {
    const { person, cookie } = await giveTrusted();
    const shown = await openSession(database.db, person.userId, later, { secondFactorAt: later });
    const first = await enter(person, cookie);
    if (!first.ok || first.next !== 'dashboard') throw new Error('Asked');
    const copied = await redeemLoginGrant(database.db, first.grant, contextAt(after(later, 61)));
    await enter(person, cookie, after(later, 62));
    expect(await readSession(database.db, copied!.sessionId, after(later, 63))).toBeNull();
    expect(await readSession(database.db, shown.sessionId, after(later, 63))).not.toBeNull();
  });

  test('is worth nothing for another account, forged, after thirty days, and never for an admin', async () => {
    const { person, cookie } = await giveTrusted();
    const other = await giveBroker();
    expect(await enter(other.person, cookie)).toMatchObject({ next: 'second_factor' });
    expect(await enter(person, `${cookie.slice(0, -1)}!`)).toMatchObject({ next: 'second_factor' });
    const { person: late, cookie: old } = await giveTrusted();
    expect(await enter(late, old, after(later, 30 * 86_400))).toMatchObject({ next: 'second_factor' });
    const admin = await giveSettledPerson(database.db, { role: 'admin', phone: null });
    const key = await giveTotp(database.db, admin, noon);
    expect(await giveCode(await firstStep(admin), totpAt(key, later), later, true)).toMatchObject({
      ok: true,
      trustedDevice: null,
    });
  });

  test('is trusted no more when the password changes', async () => {
    const { person, cookie } = await giveTrusted();
    const passwords = { currentPassword: password, newPassword: 'another long phrase' };
    const fresh = await openSession(database.db, person.userId, later, { secondFactorAt: later });
    expect(
      await changePassword(database.db, { ...person, ...fresh }, passwords, contextAt(later)),
    ).toMatchObject({
      ok: true,
    });
    const signedIn = await signIn(
      database.db,
      { email: person.email, password: passwords.newPassword, trustedDevice: cookie },
      contextAt(after(later, 60)),
    );
    expect(signedIn).toMatchObject({ next: 'second_factor' });
  });

  test('stays trusted where a change of the password came too late', async () => {
    const { person, cookie } = await giveTrusted();
    const change = { userId: person.userId, from: 'of before', to: 'of after', now: later };
    expect(await database.db.transaction((tx) => changePasswordHash(tx, change))).toBe(false);
    expect(await enter(person, cookie)).toMatchObject({ next: 'dashboard' });
  });
});
