import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { auditLog, sessions, users, type Role } from '@/db/schema/accounts';
import { secondFactorGrace } from '@/db/schema/two-factor';
import { asksSecondFactor, readFactors } from '@/lib/accounts/factors';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { trustDevice } from '@/lib/accounts/trusted-devices';
import { changeRole } from '@/lib/auth/admin/change-role';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { refuseFactors } from '@/lib/auth/two-factor/change-factors';
import { enrollByLink, readEnrollLink } from '@/lib/auth/two-factor/enroll-by-link';
import {
  beginRecoveryCodes,
  beginTotp,
  dropPasskey,
  dropTotp,
  enrollPasskey,
  finishRecoveryCodes,
  finishTotp,
} from '@/lib/auth/two-factor/enrollment';
import { readPasskeyOffer } from '@/lib/auth/two-factor/passkey-offer';
import { listPasskeys, passkeyCreationOptions } from '@/lib/auth/two-factor/passkeys';
import { countRecoveryCodes, readWaitingCodes } from '@/lib/auth/two-factor/recovery-codes';
import { stepUpByFactor, stepUpByPassword } from '@/lib/auth/two-factor/step-up';
import { readWaitingTotp } from '@/lib/auth/two-factor/totp';
import { markPasskeyOffered } from '@/lib/accounts/users';
import { enqueueLinkMail } from '@/lib/mail/outbox';
import { makePasskey } from '@/tests/support/authenticator';
import { useDatabase } from '@/tests/support/database';
import { giveRecoveryCodes, giveTotp, setUpTotp, totpAt } from '@/tests/support/factors';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { after, contextAt, noon } from '@/tests/support/people';
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

const hour = 3600;
const tenMinutes = 600;

/** Someone whose role asks for a second factor and who has none, with a session that a password opened. */
const giveNewcomer = (role: Role = 'broker') =>
  giveSettledPerson(database.db, { role, phone: null, factor: false });

async function endPasswordEnrollment({ userId }: { userId: string }): Promise<void> {
  await database.db.update(users).set({ enrollUntil: null }).where(eq(users.id, userId));
}

async function addPasskeyTo(person: { sessionId: string }, now: Date) {
  const user = await readSessionOf(database.db, person, now);
  const { answer } = makePasskey(await passkeyCreationOptions(database.db, user, now));
  return enrollPasskey(database.db, user, { answer, name: 'Phone' }, contextAt(now));
}

const tryPassword = ({ email }: { email: string }, now: Date) =>
  signIn(database.db, { email, password }, contextAt(now));

const templatesTo = async (email: string) =>
  (await readMailsTo(database.db, email)).map(({ template }) => template);

const actionsOf = async (userId: string) =>
  (await database.db.select().from(auditLog).where(eq(auditLog.userId, userId))).map(({ action }) => action);

describe('a first second factor', () => {
  test('is set up by a password alone for 72 hours after the account was made, and not after', async () => {
    const person = await giveNewcomer();
    expect(await readSessionOf(database.db, person, noon)).toMatchObject({ standing: 'enroll' });
    const justIn = after(noon, 72 * hour - 1);
    const entered = await tryPassword(person, justIn);
    if (!entered.ok || entered.next !== 'dashboard') throw new Error(JSON.stringify(entered));
    const session = (await redeemLoginGrant(database.db, entered.grant, contextAt(justIn)))!;
    expect(refuseFactors(await readSessionOf(database.db, session, justIn), justIn)).toBeNull();
    // The same session, a moment later.
    const late = after(noon, 72 * hour);
    expect(refuseFactors(await readSessionOf(database.db, session, late), late)).toBe('needs_link');
    expect(
      await beginTotp(database.db, await readSessionOf(database.db, session, late), contextAt(late)),
    ).toEqual({
      ok: false,
      reason: 'needs_link',
    });
    expect(await tryPassword(person, late)).toEqual({
      ok: false,
      reason: 'must_enroll',
      mailed: false,
      why: 'not_reached',
    });
  });

  test('opens the session that set it up, and ends the time in which a password alone could', async () => {
    const person = await giveNewcomer();
    await giveTotp(database.db, person, noon);
    expect(await readSessionOf(database.db, person, noon)).toMatchObject({
      standing: 'open',
      secondFactorAt: noon,
      enrollUntil: null,
    });
    const [row] = await database.db.select().from(users).where(eq(users.id, person.userId));
    expect(row!.enrollUntil).toBeNull();
    expect(await actionsOf(person.userId)).toContain('totp_added');
  });

  test('ends the other sessions, which have shown none, and leaves one that has', async () => {
    const person = await giveNewcomer();
    const other = await openSession(database.db, person.userId, noon);
    await giveTotp(database.db, person, noon);
    // Taking the factor off again would open it, so it ends for good.
    expect(await readSession(database.db, other.sessionId, noon)).toBeNull();
    const shown = await openSession(database.db, person.userId, noon, { secondFactorAt: noon });
    expect(await readSession(database.db, shown.sessionId, noon)).toMatchObject({ standing: 'open' });
  });

  test('is added by no session that ended while its request waited', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    const user = await readSessionOf(database.db, person, noon);
    await beginTotp(database.db, user, contextAt(noon));
    const { key } = (await readWaitingTotp(database.db, user, noon))!;
    await database.db.delete(sessions).where(eq(sessions.id, person.sessionId));
    expect(await finishTotp(database.db, user, totpAt(key, noon), contextAt(noon))).toEqual({
      ok: false,
      reason: 'not_open',
    });
  });

  test('is set up by a password while the role may do without one, as long as the password is fresh', async () => {
    const person = await giveNewcomer('staff');
    await endPasswordEnrollment(person);
    await database.db.insert(secondFactorGrace).values({ role: 'staff', endsAt: after(noon, 24 * hour) });
    try {
      const user = await readSessionOf(database.db, person, noon);
      expect(user).toMatchObject({ standing: 'open', graceUntil: after(noon, 24 * hour) });
      expect(refuseFactors(user, noon)).toBeNull();
      const stale = after(noon, tenMinutes + 1);
      expect(refuseFactors(await readSessionOf(database.db, person, stale), stale)).toBe('confirm_first');
      expect(await tryPassword(person, noon)).toMatchObject({ ok: true, next: 'dashboard' });
    } finally {
      await database.db.delete(secondFactorGrace);
    }
    expect(await readSessionOf(database.db, person, noon)).toMatchObject({ standing: 'enroll' });
    expect(await tryPassword(person, noon)).toMatchObject({ reason: 'must_enroll' });
  });

  test('is one that the role takes: no session of an admin opens by codes by text', async () => {
    const admin = await giveSettledPerson(database.db, { role: 'admin', factor: false });
    await database.db.update(users).set({ smsFactorSince: noon }).where(eq(users.id, admin.userId));
    const shown = await openSession(database.db, admin.userId, noon, { secondFactorAt: noon });
    expect(await readSession(database.db, shown.sessionId, noon)).toMatchObject({ standing: 'enroll' });
    const broker = await giveSettledPerson(database.db, { role: 'broker', factor: false });
    await database.db.update(users).set({ smsFactorSince: noon }).where(eq(users.id, broker.userId));
    const theirs = await openSession(database.db, broker.userId, noon, { secondFactorAt: noon });
    expect(await readSession(database.db, theirs.sessionId, noon)).toMatchObject({ standing: 'open' });
  });
});

describe('factors are changed', () => {
  test.each(['applicant', 'broker', 'staff', 'admin'] as const)(
    'only within ten minutes of showing who one is: %s',
    async (role) => {
      const person = await giveSettledPerson(database.db, { role, phone: null });
      const key = await giveTotp(database.db, person, noon);
      const stale = after(noon, tenMinutes + 1);
      const user = await readSessionOf(database.db, person, stale);
      const no = { ok: false, reason: 'confirm_first' };
      expect(await beginTotp(database.db, user, contextAt(stale))).toEqual(no);
      expect(await finishTotp(database.db, user, totpAt(key, stale), contextAt(stale))).toEqual(no);
      expect(await dropTotp(database.db, user, contextAt(stale))).toEqual(no);
      expect(await addPasskeyTo(person, stale)).toEqual(no);
      expect(await beginRecoveryCodes(database.db, user, contextAt(stale))).toEqual(no);
      expect(await finishRecoveryCodes(database.db, user, '0'.repeat(24), contextAt(stale))).toEqual(no);
      // With a second factor, the password is not enough.
      expect(await stepUpByPassword(database.db, user, password, contextAt(stale))).toEqual({
        ok: false,
        reason: 'needs_factor',
      });
      const given = { kind: 'code', code: totpAt(key, stale) } as const;
      expect(await stepUpByFactor(database.db, user, given, contextAt(stale))).toEqual({ ok: true });
      expect(await addPasskeyTo(person, stale)).toEqual({ ok: true });
    },
  );

  test('not for 72 hours after a password that was set without the old one', async () => {
    const person = await giveSettledPerson(database.db, { phone: null });
    await database.db.update(users).set({ recoveredAt: noon }).where(eq(users.id, person.userId));
    const later = after(noon, 300);
    const frozen = { ok: false, reason: 'recovered_lately', retryAt: after(noon, 72 * hour) };
    expect(await addPasskeyTo(person, later)).toEqual(frozen);
    expect(await listPasskeys(database.db, person.userId)).toEqual([]);
    const thawed = after(noon, 72 * hour);
    const fresh = await openSession(database.db, person.userId, thawed);
    expect(await addPasskeyTo(fresh, thawed)).toEqual({ ok: true });
    // Whoever has to have one may set up the first all the same: nothing else opens.
    const newcomer = await giveNewcomer();
    await database.db.update(users).set({ recoveredAt: noon }).where(eq(users.id, newcomer.userId));
    expect(await addPasskeyTo(newcomer, noon)).toEqual({ ok: true });
  });

  test('so that the last one of a role that has to have one stays, and an applicant may have none', async () => {
    const staff = await giveNewcomer('staff');
    await giveTotp(database.db, staff, noon);
    const read = () => readSessionOf(database.db, staff, noon);
    const last = { ok: false, reason: 'last_factor' };
    expect(await dropTotp(database.db, await read(), contextAt(noon))).toEqual(last);
    await addPasskeyTo(staff, noon);
    await addPasskeyTo(staff, noon);
    expect(await dropTotp(database.db, await read(), contextAt(noon))).toEqual({ ok: true });
    const [first, second] = await listPasskeys(database.db, staff.userId);
    expect(await dropPasskey(database.db, await read(), first!.id, contextAt(noon))).toEqual({ ok: true });
    expect(await dropPasskey(database.db, await read(), second!.id, contextAt(noon))).toEqual(last);
    expect(await listPasskeys(database.db, staff.userId)).toHaveLength(1);

    const applicant = await giveSettledPerson(database.db, { phone: null });
    await giveTotp(database.db, applicant, noon);
    const user = await readSessionOf(database.db, applicant, noon);
    expect(await dropTotp(database.db, user, contextAt(noon))).toEqual({ ok: true });
    expect(await readFactors(database.db, applicant.userId)).toMatchObject({ totp: false });
  });

  test('so that of two who take the last two away at the same instant one is refused', async () => {
    const staff = await giveNewcomer('staff');
    await giveTotp(database.db, staff, noon);
    await addPasskeyTo(staff, noon);
    const user = await readSessionOf(database.db, staff, noon);
    const [passkey] = await listPasskeys(database.db, staff.userId);
    const answers = await Promise.all([
      dropTotp(database.db, user, contextAt(noon)),
      dropPasskey(database.db, user, passkey!.id, contextAt(noon)),
    ]);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    const held = await readFactors(database.db, staff.userId);
    expect([held.totp, held.passkey].filter(Boolean)).toHaveLength(1);
  });

  test('and browsers that were trusted are no more, and the owner is told by mail and text', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker' });
    await proveEmailOf(database.db, person);
    const trust = () => database.db.transaction((tx) => trustDevice(tx, person.userId, contextAt(noon)));
    const enter = async (trustedDevice: string) =>
      signIn(database.db, { email: person.email, password, trustedDevice }, contextAt(noon));
    const first = await trust();
    expect(await addPasskeyTo(person, noon)).toEqual({ ok: true });
    expect(await enter(first)).toMatchObject({ next: 'second_factor' });
    const second = await trust();
    const user = await readSessionOf(database.db, person, noon);
    expect(await dropTotp(database.db, user, contextAt(noon))).toEqual({ ok: true });
    expect(await enter(second)).toMatchObject({ next: 'second_factor' });
    expect(await templatesTo(person.email)).toEqual(expect.arrayContaining(['factorAdded', 'factorRemoved']));
    const told = (await readTexts(database.db, person.phone!)).map(({ params }) => JSON.stringify(params));
    expect(told.some((params) => params.includes('a passkey was added'))).toBe(true);
    expect(await actionsOf(person.userId)).toEqual(expect.arrayContaining(['passkey_added', 'totp_removed']));
  });

  test('not by a session whose role was changed or whose account was closed meanwhile', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    const user = await readSessionOf(database.db, person, noon);
    const { answer } = makePasskey(await passkeyCreationOptions(database.db, user, noon));
    const add = () => enrollPasskey(database.db, user, { answer, name: 'Phone' }, contextAt(noon));
    await database.db.update(users).set({ role: 'staff' }).where(eq(users.id, person.userId));
    expect(await add()).toEqual({ ok: false, reason: 'not_open' });
    await database.db
      .update(users)
      .set({ role: 'broker', deactivatedAt: noon })
      .where(eq(users.id, person.userId));
    expect(await add()).toEqual({ ok: false, reason: 'not_open' });
  });
});

describe('an authenticator app', () => {
  test('replaces the one before with its first code, and not earlier', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    const old = await giveTotp(database.db, person, noon);
    const now = after(noon, 60);
    const user = await readSessionOf(database.db, person, now);
    expect(await beginTotp(database.db, user, contextAt(now))).toEqual({ ok: true });
    const { key } = (await readWaitingTotp(database.db, user, now))!;
    expect(key).not.toBe(old);
    const wrong = await finishTotp(database.db, user, totpAt(old, now), contextAt(now));
    expect(wrong).toEqual({ ok: false, reason: 'refused', why: 'wrong_code' });
    const given = { kind: 'code', code: totpAt(old, now) } as const;
    expect(await stepUpByFactor(database.db, user, given, contextAt(now))).toEqual({ ok: true });
    expect(await finishTotp(database.db, user, totpAt(key, now), contextAt(now))).toEqual({ ok: true });
    const next = after(now, 60);
    const late = { kind: 'code', code: totpAt(old, next) } as const;
    expect(await stepUpByFactor(database.db, user, late, contextAt(next))).toMatchObject({
      reason: 'wrong_code',
    });
  });
});

describe('what waits to be confirmed', () => {
  test('is shown and confirmed in the session that began it alone, and for an hour', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    const ofOther = await openSession(database.db, person.userId, noon, { secondFactorAt: noon });
    const [begun, other] = [
      await readSessionOf(database.db, person, noon),
      await readSessionOf(database.db, ofOther, noon),
    ];
    await beginTotp(database.db, begun, contextAt(noon));
    await beginRecoveryCodes(database.db, begun, contextAt(noon));
    const { key } = (await readWaitingTotp(database.db, begun, noon))!;
    const [code] = (await readWaitingCodes(database.db, begun, noon))!;
    expect(await readWaitingTotp(database.db, other, noon)).toBeNull();
    expect(await readWaitingCodes(database.db, other, noon)).toBeNull();
    const refused = { ok: false, reason: 'refused', why: 'wrong_code' };
    const now = contextAt(noon);
    expect(await finishTotp(database.db, other, totpAt(key, noon), now)).toEqual(refused);
    expect(await finishRecoveryCodes(database.db, other, code!, now)).toEqual(refused);
    const late = after(noon, hour);
    expect(await readWaitingTotp(database.db, begun, late)).toBeNull();
    expect(await readWaitingCodes(database.db, begun, late)).toBeNull();
    expect(await finishRecoveryCodes(database.db, begun, code!, now)).toEqual({ ok: true });
    expect(await finishTotp(database.db, begun, totpAt(key, noon), now)).toEqual({ ok: true });
  });
});

describe('recovery codes', () => {
  test('count once one is typed back, and the earlier ones until then', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    const user = await readSessionOf(database.db, person, noon);
    const [first] = await giveRecoveryCodes(database.db, user, noon);
    expect(await countRecoveryCodes(database.db, person.userId)).toBe(10);
    expect(await beginRecoveryCodes(database.db, user, contextAt(noon))).toEqual({ ok: true });
    const waiting = (await readWaitingCodes(database.db, user, noon))!;
    const finish = (code: string) => finishRecoveryCodes(database.db, user, code, contextAt(noon));
    expect(await finish(first!)).toEqual({ ok: false, reason: 'refused', why: 'wrong_code' });
    expect(await finish('short')).toEqual({ ok: false, reason: 'refused', why: 'not_a_recovery_code' });
    const spend = (code: string) =>
      stepUpByFactor(database.db, user, { kind: 'recovery_code', code }, contextAt(noon));
    expect(await spend(waiting[0]!)).toMatchObject({ reason: 'wrong_code' });
    expect(await spend(first!)).toEqual({ ok: true });
    expect(await finish(waiting[9]!)).toEqual({ ok: true });
    expect(await readWaitingCodes(database.db, user, noon)).toBeNull();
    expect(await countRecoveryCodes(database.db, person.userId)).toBe(10);
    expect(await actionsOf(person.userId)).toContain('recovery_codes_made');
  });

  test('go with the last factor, and do not count for the next one', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTotp(database.db, person, after(noon, 10));
    const user = await readSessionOf(database.db, person, after(noon, 11));
    await giveRecoveryCodes(database.db, user, after(noon, 11));
    expect(await dropTotp(database.db, user, contextAt(after(noon, 20)))).toEqual({ ok: true });
    expect(await countRecoveryCodes(database.db, person.userId)).toBeNull();

    await giveTotp(database.db, person, after(noon, 100));
    const again = await readSessionOf(database.db, person, after(noon, 101));
    await giveRecoveryCodes(database.db, again, after(noon, 101));
    // As when codes by text were the last, and the number left.
    await database.pool.query('delete from totp_keys where user_id = $1', [person.userId]);
    await giveTotp(database.db, person, after(noon, 200));
    expect(await countRecoveryCodes(database.db, person.userId)).toBeNull();
  });

  test('are made thirty times an hour, and what is refused leaves no row', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    const user = await readSessionOf(database.db, person, noon);
    for (let times = 0; times < 30; times += 1) await giveRecoveryCodes(database.db, user, noon);
    await beginRecoveryCodes(database.db, user, contextAt(noon));
    const [code] = (await readWaitingCodes(database.db, user, noon))!;
    expect(await finishRecoveryCodes(database.db, user, code!, contextAt(noon))).toEqual({
      ok: false,
      reason: 'too_many_changes',
      retryAt: after(noon, hour),
    });
    const made = (await actionsOf(person.userId)).filter((action) => action === 'recovery_codes_made');
    expect(made).toHaveLength(30);
  });

  test('are told to the owner, and stay as they are for 72 hours after a reset by mail', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, person.userId));
    const user = await readSessionOf(database.db, person, noon);
    await giveRecoveryCodes(database.db, user, noon);
    const [mail] = await readMailsTo(database.db, person.email);
    expect(mail).toMatchObject({
      template: 'factorAdded',
      params: { event: 'new recovery codes were made' },
    });
    await beginRecoveryCodes(database.db, user, contextAt(noon));
    const [code] = (await readWaitingCodes(database.db, user, noon))!;
    await database.db.update(users).set({ recoveredAt: noon }).where(eq(users.id, person.userId));
    expect(await finishRecoveryCodes(database.db, user, code!, contextAt(noon))).toEqual({
      ok: false,
      reason: 'recovered_lately',
      retryAt: after(noon, 72 * hour),
    });
  });

  test('are made for nobody who has no factor', async () => {
    const newcomer = await giveNewcomer();
    const user = await readSessionOf(database.db, newcomer, noon);
    expect(await beginRecoveryCodes(database.db, user, contextAt(noon))).toEqual({
      ok: false,
      reason: 'no_factor',
    });
  });
});

describe('a role that is given to an applicant', () => {
  test('ends what they were signed in with, and asks for a second factor by a link', async () => {
    const person = await giveSettledPerson(database.db, { phone: null });
    await proveEmailOf(database.db, person);
    const author = { operator: 'root' };
    expect(
      await changeRole(database.db, { userId: person.userId, role: 'broker', author }, contextAt(noon)),
    ).toMatchObject({ ok: true });
    expect(await readSession(database.db, person.sessionId, noon)).toBeNull();
    expect(await tryPassword(person, noon)).toEqual({ ok: false, reason: 'must_enroll', mailed: true });
    expect(await templatesTo(person.email)).toContain('enrollFactor');
    // Once the address has had its mails, the answer says when the next may go.
    await tryPassword(person, noon);
    await tryPassword(person, noon);
    expect(await tryPassword(person, noon)).toEqual({
      ok: false,
      reason: 'must_enroll',
      mailed: false,
      why: 'mail_limit',
      retryAt: after(noon, hour),
    });
  });

  test('gets no link by mail within 72 hours of a password that was set by mail', async () => {
    const person = await giveSettledPerson(database.db, { role: 'staff', phone: null, factor: false });
    const set = { emailProvenAt: noon, recoveredAt: noon, enrollUntil: null };
    await database.db.update(users).set(set).where(eq(users.id, person.userId));
    const end = after(noon, 72 * hour);
    expect(await tryPassword(person, after(end, -1))).toEqual({
      ok: false,
      reason: 'must_enroll',
      mailed: false,
      why: 'recovered_lately',
      retryAt: end,
    });
    expect(await templatesTo(person.email)).toEqual([]);
    expect(await tryPassword(person, end)).toMatchObject({ mailed: true });
  });

  test('opens nothing in a session that goes on, until a factor is set up', async () => {
    const person = await giveSettledPerson(database.db, { phone: null });
    await database.db.update(users).set({ role: 'staff' }).where(eq(users.id, person.userId));
    expect(await readSessionOf(database.db, person, noon)).toMatchObject({
      standing: 'enroll',
      enrollUntil: null,
    });
  });

  test('makes of their passkey a second step that is asked for', async () => {
    const held = { passkey: true, totp: false, sms: false };
    expect(asksSecondFactor('applicant', held)).toBe(false);
    expect(asksSecondFactor('broker', held)).toBe(true);
  });
});

describe('a link to set up a second factor', () => {
  async function giveLink({ reset = false, person }: { reset?: boolean; person?: SettledPerson } = {}) {
    const owner = person ?? (await giveNewcomer());
    await proveEmailOf(database.db, owner);
    await endPasswordEnrollment(owner);
    const admin = reset ? await giveSettledPerson(database.db, { role: 'admin', phone: null }) : null;
    await enqueueLinkMail(database.db, {
      ...{ purpose: 'enroll', template: 'enrollFactor' },
      ...{ userId: owner.userId, email: owner.email, now: noon },
      ...(admin && { details: { reset: 'yes', adminId: admin.userId } }),
    });
    return { owner, token: await readToken(database.db, owner.email) };
  }
  const follow = (token: string, given = password, now = noon) =>
    enrollByLink(database.db, { token, password: given, knownBrowser: null }, contextAt(now));

  test('opens a session that sets one up and nothing else, for an hour', async () => {
    const { token } = await giveLink();
    const entered = await follow(token);
    if (!entered.ok) throw new Error(entered.reason);
    const session = (await redeemLoginGrant(database.db, entered.grant, contextAt(noon)))!;
    expect(await readSessionOf(database.db, session, noon)).toMatchObject({
      standing: 'enroll',
      enrollUntil: after(noon, hour),
    });
    const justIn = after(noon, hour - 1);
    expect(refuseFactors(await readSessionOf(database.db, session, justIn), justIn)).toBeNull();
    const key = await giveTotp(database.db, session, justIn);
    expect(key).toHaveLength(32);
    expect(await readSessionOf(database.db, session, justIn)).toMatchObject({ standing: 'open' });
  });

  test('works once, also at the same instant, and the others end with it', async () => {
    const { owner, token } = await giveLink();
    const { token: newer } = await giveLink({ person: owner });
    const answers = await Promise.all([follow(newer), follow(newer), follow(newer)]);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await follow(newer)).toMatchObject({ reason: 'used' });
    expect((await follow(token)).ok).toBe(false);
  });

  test('does nothing without the password, and stays good', async () => {
    const { owner, token } = await giveLink();
    expect(await follow(token, 'not my password')).toMatchObject({ reason: 'wrong_credentials' });
    expect(await actionsOf(owner.userId)).toContain('sign_in_refused');
    expect(await readEnrollLink(database.db, token, noon)).toMatchObject({ ok: true });
    expect(await follow(token)).toMatchObject({ ok: true });
  });

  test('is none for garbage, and none of a closed account', async () => {
    for (const token of ['', 'x', '0'.repeat(64), "'"]) expect((await follow(token)).ok).toBe(false);
    const { owner, token } = await giveLink();
    await database.db.update(users).set({ deactivatedAt: noon }).where(eq(users.id, owner.userId));
    expect(await readEnrollLink(database.db, token, noon)).toMatchObject({ ok: false });
    expect(await follow(token)).toMatchObject({ ok: false, reason: 'ended' });
  });

  test('takes the factors off where an admin has asked for it, signs out everywhere, and says so', async () => {
    const person = await giveSettledPerson(database.db, { role: 'staff', phone: null });
    await giveRecoveryCodes(database.db, await readSessionOf(database.db, person, noon), noon);
    const { token } = await giveLink({ reset: true, person });
    expect(await readEnrollLink(database.db, token, noon)).toMatchObject({ link: { removesFactors: true } });
    // Looking at it removes nothing.
    expect(await readFactors(database.db, person.userId)).toMatchObject({ totp: true });
    expect(await follow(token)).toMatchObject({ ok: true });
    expect(await readFactors(database.db, person.userId)).toEqual({
      passkey: false,
      totp: false,
      sms: false,
    });
    expect(await countRecoveryCodes(database.db, person.userId)).toBeNull();
    expect(await readSession(database.db, person.sessionId, noon)).toBeNull();
    expect(await templatesTo(person.email)).toContain('factorsReset');
    expect(await actionsOf(person.userId)).toContain('factors_reset');
  });

  test('without that leaves the factors, and its session is shut by them', async () => {
    const person = await giveNewcomer();
    const { token } = await giveLink({ person });
    await database.db.transaction((tx) => setUpTotp(tx, person, noon));
    const entered = await follow(token);
    if (!entered.ok) throw new Error(entered.reason);
    const session = (await redeemLoginGrant(database.db, entered.grant, contextAt(noon)))!;
    expect(await readSession(database.db, session.sessionId, noon)).toMatchObject({ standing: 'shut' });
  });
});

describe('a passkey is offered', () => {
  const offerTo = async (person: { sessionId: string }, now = noon) =>
    (await readPasskeyOffer(database.db, await readSessionOf(database.db, person, now), now)) !== null;

  test('to an applicant whose number is proven, in a fresh session, until they have answered', async () => {
    const person = await giveSettledPerson(database.db);
    expect(await offerTo(person)).toBe(true);
    expect(await offerTo(person, after(noon, tenMinutes + 1))).toBe(false);
    await markPasskeyOffered(database.db, person.userId, noon);
    expect(await offerTo(person)).toBe(false);
  });

  test('no more to whoever has had one', async () => {
    const person = await giveSettledPerson(database.db);
    expect(await addPasskeyTo(person, noon)).toEqual({ ok: true });
    expect(await offerTo(person)).toBe(false);
    const [passkey] = await listPasskeys(database.db, person.userId);
    const user = await readSessionOf(database.db, person, noon);
    expect(await dropPasskey(database.db, user, passkey!.id, contextAt(noon))).toEqual({ ok: true });
    expect(await offerTo(person)).toBe(false);
  });

  test('not without a proven number, not to staff, and not while factors are frozen', async () => {
    expect(await offerTo(await giveSettledPerson(database.db, { phone: null }))).toBe(false);
    expect(await offerTo(await giveSettledPerson(database.db, { role: 'staff' }))).toBe(false);
    const mover = await giveSettledPerson(database.db);
    await database.pool.query('update phone_numbers set holder_user_id = null where number = $1', [
      mover.phone,
    ]);
    expect(await offerTo(mover)).toBe(false);
    const recovered = await giveSettledPerson(database.db);
    await database.db.update(users).set({ recoveredAt: noon }).where(eq(users.id, recovered.userId));
    expect(await offerTo(recovered)).toBe(false);
  });
});
