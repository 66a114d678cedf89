import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, sessions, type Role } from '@/db/schema/accounts';
import { emailLinks } from '@/db/schema/mail';
import { passkeys, secondFactorTries, trustedDevices } from '@/db/schema/two-factor';
import { readFactors } from '@/lib/accounts/factors';
import { markRecovered, setEmail } from '@/lib/accounts/users';
import { withdrawConsent } from '@/lib/consent/ledger';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { trustDevice } from '@/lib/accounts/trusted-devices';
import { manageAccount, type AccountChange } from '@/lib/auth/admin/manage-account';
import { replaceFactors } from '@/lib/auth/admin/replace-factors';
import { setGrace } from '@/lib/auth/admin/second-factor-grace';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { enrollByLink, readEnrollLink } from '@/lib/auth/two-factor/enroll-by-link';
import { countRecoveryCodes } from '@/lib/auth/two-factor/recovery-codes';
import { countTry, readTries } from '@/lib/auth/two-factor/tries';
import { newId } from '@/lib/random';
import { readSeenFactors } from '@/lib/reporting/held-factors';
import { listPeople } from '@/lib/reporting/people';
import { readWithoutFactor } from '@/lib/reporting/without-factor';
import { listTexts } from '@/lib/sms/outbox/history';
import { endingSession, releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { giveRecoveryCodes, setUpTotp } from '@/tests/support/factors';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { withSettings } from '@/tests/support/settings';
import { askPolicy, makeEnv } from '@/tests/support/texts';
import { after, contextAt, givePerson, newEmail, noon, readUserRow } from '@/tests/support/people';
import {
  giveSettledPerson,
  openSession,
  password,
  readSessionOf,
  readTexts,
  type SettledPerson,
} from '@/tests/support/settled-person';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const database = useDatabase();
const at = (seconds = 0) => contextAt(after(noon, seconds));
const reason = 'Lost the phone, known by voice.';

const giveAdmin = () => giveSettledPerson(database.db, { role: 'admin', phone: null });

async function giveProven(role: Role, factor?: boolean): Promise<SettledPerson> {
  const person = await giveSettledPerson(database.db, { role, phone: null, factor });
  await database.pool.query('update users set email_proven_at = $2, enroll_until = null where id = $1', [
    person.userId,
    noon,
  ]);
  return person;
}

const manage = (admin: SettledPerson, userId: string, change: AccountChange, seconds = 60) =>
  manageAccount(database.db, admin, { userId, change, reason }, at(seconds));

const lastEntry = async (userId: string) =>
  (await database.db.select().from(auditLog).where(eq(auditLog.userId, userId))).at(-1);

const nothing = { passkey: false, totp: false, sms: false };

async function addPasskeyRow(userId: string, createdAt: Date): Promise<void> {
  await database.db.insert(passkeys).values({
    id: newId(),
    userId,
    credentialId: newId(),
    publicKey: Buffer.from('key'),
    counter: 0,
    transports: [],
    name: 'Laptop',
    backedUp: false,
    createdAt,
  });
}

describe('a reset of the second factor', () => {
  test('changes nothing until its owner follows the mail with their password, then takes all off', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('staff')];
    const { userId, email, sessionId } = person;
    const user = await readSessionOf(database.db, person, after(noon, 5));
    await giveRecoveryCodes(database.db, user, after(noon, 5));
    await addPasskeyRow(userId, noon);
    await database.db.transaction((tx) => trustDevice(tx, userId, at(6)));
    expect(await manage(admin, userId, { do: 'reset_factors' })).toEqual({
      ok: true,
      enroll: { by: 'mail' },
    });
    expect(await lastEntry(userId)).toMatchObject({
      action: 'factors_reset_requested',
      actorId: admin.userId,
      details: { by: 'mail', reason },
    });
    expect(await readFactors(database.db, userId)).toMatchObject({ passkey: true, totp: true });
    expect(await readSession(database.db, sessionId, after(noon, 70))).not.toBeNull();
    expect((await readMailsTo(database.db, email))[0]).toMatchObject({ template: 'resetFactors' });
    const token = await readToken(database.db, email);
    expect(await readEnrollLink(database.db, token, after(noon, 80))).toMatchObject({
      link: { removesFactors: true },
    });
    const follow = (given: string, seconds: number) =>
      enrollByLink(database.db, { token, password: given, knownBrowser: null }, at(seconds));
    expect(await follow('not it', 81)).toMatchObject({ ok: false, reason: 'wrong_credentials' });
    expect(await readFactors(database.db, userId)).toMatchObject({ passkey: true, totp: true });
    const entered = await follow(password, 90);
    if (!entered.ok) throw new Error(entered.reason);
    expect(await readFactors(database.db, userId)).toEqual(nothing);
    expect(await countRecoveryCodes(database.db, userId)).toBeNull();
    expect(await database.db.$count(trustedDevices, eq(trustedDevices.userId, userId))).toBe(0);
    expect(await readSession(database.db, sessionId, after(noon, 91))).toBeNull();
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(entries.find(({ action }) => action === 'factors_reset')).toMatchObject({
      actorId: admin.userId,
      details: { reason },
    });
    expect((await readMailsTo(database.db, email))[0]).toMatchObject({ template: 'factorsReset' });
    expect(await follow(password, 92)).toMatchObject({ ok: false, reason: 'used' });
    const opened = await redeemLoginGrant(database.db, entered.grant, at(91));
    expect((await readSession(database.db, opened!.sessionId, after(noon, 92)))!.standing).toBe('enroll');
  });

  test('is worth nothing once the admin who asked for it is none any more', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('broker')];
    await manage(admin, person.userId, { do: 'reset_factors' });
    const token = await readToken(database.db, person.email);
    await database.pool.query(`update users set role = 'staff' where id = $1`, [admin.userId]);
    const ended = { ok: false, reason: 'ended' };
    expect(await readEnrollLink(database.db, token, after(noon, 70))).toEqual(ended);
    expect(await enrollByLink(database.db, { token, password, knownBrowser: null }, at(80))).toEqual(ended);
    expect(await readFactors(database.db, person.userId)).toMatchObject({ totp: true });
  });

  test('a newer one ends the link of the one before', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('broker')];
    await manage(admin, person.userId, { do: 'reset_factors' });
    const first = await readToken(database.db, person.email);
    await manage(admin, person.userId, { do: 'reset_factors' }, 61);
    expect(await readEnrollLink(database.db, first, after(noon, 62))).toEqual({ ok: false, reason: 'ended' });
    expect(
      await readEnrollLink(database.db, await readToken(database.db, person.email), after(noon, 62)),
    ).toMatchObject({ ok: true });
  });

  test('is refused where nothing reaches the owner, where there is nothing to take off, and on a closed account', async () => {
    const admin = await giveAdmin();
    const ask = (person: { userId: string }) => manage(admin, person.userId, { do: 'reset_factors' });
    const unproven = await giveSettledPerson(database.db, { role: 'staff', phone: null });
    expect(await ask(unproven)).toEqual({ ok: false, reason: 'not_reached' });
    expect(await ask(await giveProven('staff', false))).toEqual({ ok: false, reason: 'holds_none' });
    expect(await ask(await givePerson(database.db, { active: false }))).toEqual({
      ok: false,
      reason: 'not_active',
    });
    const closed = await giveProven('staff');
    await database.pool.query('update users set deactivated_at = $2 where id = $1', [closed.userId, noon]);
    expect(await ask(closed)).toEqual({ ok: false, reason: 'deactivated' });
    expect(await lastEntry(unproven.userId)).toBeUndefined();
    expect(await database.db.$count(emailLinks, eq(emailLinks.userId, unproven.userId))).toBe(0);
  });

  test('is refused within 72 hours of a reset by mail: whoever reads the mail would have all of it', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('staff')];
    await database.db.transaction((tx) => markRecovered(tx, person.userId, noon));
    expect(await manage(admin, person.userId, { do: 'reset_factors' })).toEqual({
      ok: false,
      reason: 'recovered_lately',
    });
  });

  test('opens nothing by a link that went to an email of before', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('staff')];
    await manage(admin, person.userId, { do: 'reset_factors' });
    const token = await readToken(database.db, person.email);
    await database.db.transaction((tx) => setEmail(tx, person.userId, newEmail(), after(noon, 61)));
    expect(await readEnrollLink(database.db, token, after(noon, 62))).toEqual({ ok: false, reason: 'ended' });
    expect(await enrollByLink(database.db, { token, password, knownBrowser: null }, at(63))).toMatchObject({
      ok: false,
      reason: 'ended',
    });
    expect(await readFactors(database.db, person.userId)).toMatchObject({ totp: true });
  });

  test('goes by text to the verified phone of whoever no mail reaches, at night, too, and its row holds no token', async () => {
    const [admin, person] = [await giveAdmin(), await giveSettledPerson(database.db, { role: 'staff' })];
    const { userId, email } = person;
    expect(await manage(admin, userId, { do: 'reset_factors' })).toEqual({
      ok: true,
      enroll: { by: 'text' },
    });
    expect(await readMailsTo(database.db, email)).toEqual([]);
    expect(await lastEntry(userId)).toMatchObject({ details: { by: 'text', reason } });
    const text = (await readTexts(database.db, person.phone!)).at(-1)!;
    expect(text).toMatchObject({ template: 'resetFactors', purpose: 'notice' });
    const env = { ...makeEnv('postgres://localhost/x'), mail: { via: 'console' as const } };
    const askAt = (hours: number) => askPolicy(database.db, text, { now: after(noon, hours * 3600), env });
    const [byDay, byNight] = [await askAt(3), await askAt(17)];
    expect([byDay.answer, byNight.answer]).toEqual(['send', 'send']);
    const token = /\?link=(\S+)$/.exec((byNight as { body: string }).body)![1]!;
    expect(JSON.stringify(text)).not.toContain(token);
    const [seen] = await listTexts(database.db, person, { limit: 1 });
    expect(seen!.body).toMatch(/\/users\/enroll$/);

    const entered = await enrollByLink(database.db, { token, password, knownBrowser: null }, at(90));
    expect(entered).toMatchObject({ ok: true });
    expect(await readFactors(database.db, userId)).toEqual(nothing);
    expect(await readEnrollLink(database.db, token, after(noon, 91))).toEqual({ ok: false, reason: 'used' });
  });

  test('by text opens nothing once the number is no longer theirs, and no such text goes out then', async () => {
    const admin = await giveAdmin();
    for (const change of [
      `update phone_numbers set holder_user_id = null where number = $1`,
      `update users set phone = null where phone = $1`,
    ]) {
      const { userId, phone } = await giveSettledPerson(database.db, { role: 'staff' });
      await manage(admin, userId, { do: 'reset_factors' });
      const text = (await readTexts(database.db, phone!)).at(-1)!;
      const env = { ...makeEnv('postgres://localhost/x'), mail: { via: 'console' as const } };
      const sent = await askPolicy(database.db, text, { now: after(noon, 120), env });
      const token = /\?link=(\S+)$/.exec((sent as { body: string }).body)![1]!;
      await database.pool.query(change, [phone]);
      expect(await readEnrollLink(database.db, token, after(noon, 121))).toEqual({
        ok: false,
        reason: 'ended',
      });
      expect(await enrollByLink(database.db, { token, password, knownBrowser: null }, at(122))).toMatchObject(
        { ok: false, reason: 'ended' },
      );
      expect(await readFactors(database.db, userId)).toMatchObject({ totp: true });
      if (change.includes('holder_user_id')) {
        expect(await askPolicy(database.db, text, { now: after(noon, 123), env })).toMatchObject({
          answer: 'refuse',
          reason: 'not_verified',
        });
      }
    }
  });

  test('goes by no text to a number that replied STOP, moved, is in doubt, is refused, was proven long ago or agreed to none, nor to an admin', async () => {
    const admin = await giveAdmin();
    for (const change of [
      `update phone_numbers set suppressed_at = now(), suppressed_by = 'sms_stop' where number = $1`,
      `update phone_numbers set holder_user_id = null where number = $1`,
      `update phone_numbers set out_of_service_on = '2026-11-19' where number = $1`,
      `update phone_numbers set undeliverable_at = '${noon.toISOString()}' where number = $1`,
      `update phone_numbers set held_since = '${after(noon, -90 * 86_400).toISOString()}' where number = $1`,
      `update users set role = 'admin' where phone = $1`,
      null,
    ]) {
      const { userId, phone } = await giveSettledPerson(database.db, { role: 'broker' });
      if (change !== null) await database.pool.query(change, [phone]);
      else {
        const scopes = ['verification', 'updates'] as const;
        const medium = 'number_removed';
        await database.db.transaction((tx) =>
          withdrawConsent(tx, { userId, phone: phone!, scopes, medium }, after(noon, 30)),
        );
      }
      expect(await manage(admin, userId, { do: 'reset_factors' }), change ?? 'no consent').toEqual({
        ok: false,
        reason: 'not_reached',
      });
      expect(
        await database.db.$count(emailLinks, eq(emailLinks.userId, userId)),
        change ?? 'no consent',
      ).toBe(0);
    }
  });

  test('is refused where mail is off and there is no phone', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('staff')];
    await withSettings({ mail: { via: 'off' } }, async () =>
      expect(await manage(admin, person.userId, { do: 'reset_factors' })).toEqual({
        ok: false,
        reason: 'not_reached',
      }),
    );
  });
});

describe('a link to set up a second factor', () => {
  test('goes by mail to whoever lacks one, and works against their password', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('broker', false)];
    const { userId, email } = person;
    expect(await manage(admin, userId, { do: 'send_enroll_link' })).toEqual({
      ok: true,
      enroll: { by: 'mail' },
    });
    expect((await readMailsTo(database.db, email))[0]).toMatchObject({ template: 'enrollByAdmin' });
    expect(await lastEntry(userId)).toMatchObject({
      action: 'enroll_link_made',
      actorId: admin.userId,
      details: { by: 'mail', reason },
    });
    const token = await readToken(database.db, email);
    expect(await readEnrollLink(database.db, token, after(noon, 61))).toMatchObject({
      link: { removesFactors: false },
    });
    const entered = await enrollByLink(database.db, { token, password, knownBrowser: null }, at(62));
    expect(entered).toMatchObject({ ok: true });
  });

  test('comes out once where no mail reaches the person, and is kept nowhere', async () => {
    const [admin, person] = [await giveAdmin(), await giveSettledPerson(database.db, unfit)];
    const { userId } = person;
    const given = await manage(admin, userId, { do: 'send_enroll_link' });
    if (!given.ok || given.enroll?.by !== 'hand') throw new Error('No link to hand on');
    const token = new URL(given.enroll.url).searchParams.get('link')!;
    const entry = await lastEntry(userId);
    expect(entry).toMatchObject({ action: 'enroll_link_made', details: { by: 'hand', reason } });
    expect(JSON.stringify(entry)).not.toContain(token);
    const [row] = await database.db.select().from(emailLinks).where(eq(emailLinks.userId, userId));
    expect(JSON.stringify(row)).not.toContain(token.split('.')[1]);
    expect(await readMailsTo(database.db, person.email)).toEqual([]);
    const entered = await enrollByLink(database.db, { token, password, knownBrowser: null }, at(62));
    expect(entered).toMatchObject({ ok: true });
  });

  test('comes out, too, where mail is off', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('staff', false)];
    await withSettings({ mail: { via: 'off' } }, async () =>
      expect(await manage(admin, person.userId, { do: 'send_enroll_link' })).toMatchObject({
        ok: true,
        enroll: { by: 'hand' },
      }),
    );
  });

  test('is for nobody who lacks none, whose account is closed or not open yet', async () => {
    const admin = await giveAdmin();
    const send = (person: { userId: string }) => manage(admin, person.userId, { do: 'send_enroll_link' });
    expect(await send(await giveProven('staff'))).toEqual({ ok: false, reason: 'lacks_none' });
    expect(await send(await giveProven('applicant'))).toEqual({ ok: false, reason: 'lacks_none' });
    expect(await send(await givePerson(database.db, { active: false, role: 'staff' }))).toEqual({
      ok: false,
      reason: 'not_active',
    });
    const closed = await giveProven('staff', false);
    await database.pool.query('update users set deactivated_at = $2 where id = $1', [closed.userId, noon]);
    expect(await send(closed)).toEqual({ ok: false, reason: 'deactivated' });
  });

  test('goes out with a role that asks for a factor, and with no other change of role', async () => {
    const [admin, person] = [await giveAdmin(), await giveProven('applicant')];
    const give = (role: Role, seconds: number) =>
      manage(admin, person.userId, { do: 'change_role', role }, seconds);
    expect(await give('broker', 60)).toMatchObject({ ok: true, enroll: { by: 'mail' } });
    const token = await readToken(database.db, person.email);
    expect(await readEnrollLink(database.db, token, after(noon, 61))).toMatchObject({ ok: true });
    expect(await give('applicant', 62)).toMatchObject({ ok: true, enroll: null });
    expect(await readEnrollLink(database.db, token, after(noon, 63))).toEqual({ ok: false, reason: 'ended' });
    await database.db.transaction((tx) => setUpTotp(tx, person, after(noon, 64)));
    expect(await give('staff', 65)).toMatchObject({ ok: true, enroll: null });
  });
});

test('unlocking forgets wrong second factors', async () => {
  const [admin, person] = [await giveAdmin(), await giveProven('staff')];
  for (let i = 0; i < 10; i += 1) await countTry(database.db, person.userId, after(noon, i));
  expect(await readTries(database.db, person.userId, after(noon, 11))).toMatchObject({ reason: 'paused' });
  expect(await manage(admin, person.userId, { do: 'unlock' })).toEqual({ ok: true });
  expect(await readTries(database.db, person.userId, after(noon, 61))).toBeNull();
  expect(await database.db.$count(secondFactorTries, eq(secondFactorTries.userId, person.userId))).toBe(0);
});

describe('factors taken off at the terminal', () => {
  test('are gone at once, with every session, and a link comes out that works once', async () => {
    const person = await giveProven('admin');
    const { userId, email } = person;
    const done = await replaceFactors(database.db, { userId, operator: 'ops' }, at(60));
    if (!done.ok || done.enroll?.by !== 'hand') throw new Error('No link');
    expect(await readFactors(database.db, userId)).toEqual(nothing);
    expect(await database.db.$count(sessions, eq(sessions.userId, userId))).toBe(0);
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    for (const action of ['factors_reset', 'enroll_link_made']) {
      expect(entries.find((entry) => entry.action === action)).toMatchObject({
        actorId: null,
        details: { operator: 'ops' },
      });
    }
    expect((await readMailsTo(database.db, email))[0]).toMatchObject({ template: 'factorsReset' });
    const token = new URL(done.enroll.url).searchParams.get('link')!;
    const follow = () => enrollByLink(database.db, { token, password, knownBrowser: null }, at(70));
    expect(await follow()).toMatchObject({ ok: true });
    expect(await follow()).toMatchObject({ ok: false, reason: 'used' });
  });

  test('of an applicant leave them their password alone, without a link', async () => {
    const person = await giveProven('applicant');
    await database.db.transaction((tx) => setUpTotp(tx, person, noon));
    expect(await replaceFactors(database.db, { userId: person.userId, operator: 'ops' }, at(60))).toEqual({
      ok: true,
      enroll: null,
    });
    const { email } = person;
    expect(await signIn(database.db, { email, password }, at(70))).toMatchObject({ next: 'dashboard' });
  });
});

describe('the time to set up a second factor', () => {
  const set = (admin: SettledPerson, role: 'broker' | 'staff', days: number, seconds = 60) =>
    setGrace(database.db, admin, { role, days, reason }, at(seconds));

  test('lets one role in without a factor until it ends, and no other', async () => {
    const [admin, broker, staff] = [
      await giveAdmin(),
      await giveProven('broker', false),
      await giveProven('staff', false),
    ];
    expect(await set(admin, 'broker', 14)).toEqual({ ok: true });
    const [entry] = await database.db.select().from(auditLog).where(eq(auditLog.actorId, admin.userId));
    expect(entry).toMatchObject({
      action: 'second_factor_grace_set',
      userId: null,
      details: { role: 'broker', days: 14, reason },
    });
    const enter = ({ email }: SettledPerson, seconds: number) =>
      signIn(database.db, { email, password }, at(seconds));
    expect(await enter(broker, 70)).toMatchObject({ ok: true, next: 'dashboard' });
    expect(await enter(staff, 70)).toMatchObject({ ok: false, reason: 'must_enroll' });
    expect(await enter(broker, 60 + 14 * 24 * 3600 + 1)).toMatchObject({ reason: 'must_enroll' });
    const { sessionId } = await openSession(database.db, broker.userId, after(noon, 71));
    expect((await readSession(database.db, sessionId, after(noon, 72)))!.standing).toBe('open');
    expect(await set(admin, 'broker', 0, 80)).toEqual({ ok: true });
    expect((await readSession(database.db, sessionId, after(noon, 81)))!.standing).toBe('enroll');
  });

  test('is set by an admin with a fresh factor alone, for 0 to 14 days', async () => {
    const [admin, staff] = [await giveAdmin(), await giveProven('staff')];
    expect(await set(admin, 'staff', 3, 601)).toEqual({ ok: false, reason: 'confirm_first' });
    expect(await set(staff, 'staff', 3)).toEqual({ ok: false, reason: 'not_admin' });
    for (const days of [15, -1, 1.5, Number.NaN]) {
      expect(await set(admin, 'staff', days)).toEqual({ ok: false, reason: 'wrong_days' });
    }
    const seen = await readWithoutFactor(database.db, { adminId: admin.userId, now: after(noon, 60) });
    expect(seen.roles.find(({ role }) => role === 'staff')!.graceUntil).toBeNull();
  });
});

describe('who holds no second factor', () => {
  test('is set by no admin whose session ended while they waited', async () => {
    const admin = await giveSettledPerson(database.db, { role: 'admin', phone: null });
    const [answer] = await releaseTogether(database.pool, endingSession(admin), 1, [
      () => setGrace(database.db, admin, { role: 'staff', days: 3, reason }, at(60)),
    ]);
    expect(answer).toMatchObject({ value: { ok: false, reason: 'not_open' } });
  });

  test('is counted by role and named, twenty at most; who holds one, is closed or pending is not', async () => {
    await database.pool.query('delete from users');
    const admin = await giveAdmin();
    await giveProven('broker');
    const closed = await giveProven('broker', false);
    await database.pool.query('update users set deactivated_at = $2 where id = $1', [closed.userId, noon]);
    await givePerson(database.db, { active: false, role: 'broker' });
    await givePerson(database.db, { active: true, role: 'applicant' });
    for (let i = 0; i < 22; i += 1) await givePerson(database.db, { active: true, role: 'staff' });
    const seen = await readWithoutFactor(database.db, { adminId: admin.userId, now: noon });
    expect(seen.roles.map(({ role, count, first }) => [role, count, first.length])).toEqual([
      ['broker', 0, 0],
      ['staff', 22, 20],
      ['admin', 0, 0],
    ]);
    const query = { search: null, role: null, state: 'no_factor', after: undefined } as const;
    expect((await listPeople(database.db, query, 30)).people.map(({ role }) => role)).toEqual(
      Array.from({ length: 22 }, () => 'staff'),
    );
  });

  test('codes by text count for a broker who holds the number, not for an admin', async () => {
    const give = async (role: Role) => {
      const person = await giveSettledPerson(database.db, { role, factor: false });
      await database.pool.query('update users set sms_factor_since = $2 where id = $1', [
        person.userId,
        noon,
      ]);
      return person.userId;
    };
    const [broker, admin] = [await give('broker'), await give('admin')];
    const { roles } = await readWithoutFactor(database.db, { adminId: admin, now: noon });
    const named = roles.flatMap(({ first }) => first.map(({ id }) => id));
    expect(named).toContain(admin);
    expect(named).not.toContain(broker);
    expect(await readSeenFactors(database.db, broker)).toMatchObject({
      codesByText: { since: noon },
      isLacking: false,
    });
    expect(await readSeenFactors(database.db, admin)).toMatchObject({ isLacking: true });
  });
});

test('an admin sees which factors someone holds, since when, and when they were last used', async () => {
  const person = await giveProven('staff');
  const { userId } = person;
  const user = await readSessionOf(database.db, person, after(noon, 5));
  await giveRecoveryCodes(database.db, user, after(noon, 5));
  await addPasskeyRow(userId, after(noon, 10));
  await addPasskeyRow(userId, after(noon, 20));
  await database.pool.query('update passkeys set last_used_at = $2 where user_id = $1 and created_at = $3', [
    userId,
    after(noon, 40),
    after(noon, 20),
  ]);
  expect(await readSeenFactors(database.db, userId)).toEqual({
    passkeys: { count: 2, since: after(noon, 10), lastUsedAt: after(noon, 40) },
    authenticatorApp: { since: noon, lastUsedAt: noon },
    codesByText: null,
    recoveryCodesLeft: 10,
    isLacking: false,
  });
  const applicant = await readUserRow(database.db, (await giveProven('applicant')).userId);
  expect(await readSeenFactors(database.db, applicant!.id)).toEqual({
    passkeys: null,
    authenticatorApp: null,
    codesByText: null,
    recoveryCodesLeft: null,
    isLacking: false,
  });
});

const unfit = { role: 'staff', phone: null, factor: false } as const;
