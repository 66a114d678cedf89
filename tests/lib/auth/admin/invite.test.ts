import { eq, inArray } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, users, type Role } from '@/db/schema/accounts';
import { emailLinks } from '@/db/schema/mail';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { findUserByEmail } from '@/lib/accounts/users';
import { acceptInvitation, readInvitation } from '@/lib/auth/admin/accept-invitation';
import { invitePerson, withdrawInvitation } from '@/lib/auth/admin/invite';
import { manageAccount } from '@/lib/auth/admin/manage-account';
import { disownAccount, sendProofAgain } from '@/lib/auth/registration/prove-email';
import { register } from '@/lib/auth/registration/register';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { pruneLinks } from '@/lib/mail/links';
import { readMail } from '@/lib/mail/read-mail';
import { listInvitations } from '@/lib/reporting/invitations';
import { readPerson } from '@/lib/reporting/person';
import { newId } from '@/lib/random';
import { endingSession, releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { after, contextAt, givePerson, newEmail, newPhone, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';
import { giveSettledPerson, openSession, type SettledPerson } from '@/tests/support/settled-person';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const database = useDatabase();
const at = (seconds = 0) => contextAt(after(noon, seconds));
const reason = 'Joins the team in December.';
const chosen = 'walnut harbor lamp';

const giveAdmin = () => giveSettledPerson(database.db, { role: 'admin', phone: null });

const invite = (
  admin: SettledPerson,
  email: string,
  changed: Partial<{ role: Role; name: string }> = {},
  seconds = 0,
) =>
  invitePerson(
    database.db,
    admin,
    { email, name: 'Nora New', role: 'staff', reason, ...changed },
    at(seconds),
  );

async function invited(admin: SettledPerson, email = newEmail(), role: Role = 'staff') {
  expect(await invite(admin, email, { role })).toEqual({ ok: true });
  return { email, token: await readToken(database.db, email) };
}

const accept = (token: string, seconds = 60, changed: Partial<{ name: string; password: string }> = {}) =>
  acceptInvitation(
    database.db,
    { token, name: 'Nora Newman', password: chosen, timeZone: 'America/New_York', ...changed },
    at(seconds),
  );

const over = (why: string) => ({ ok: false, reason: 'invitation', why });

describe('an invitation', () => {
  test('goes out with nothing in it that a person typed', async () => {
    const email = newEmail();
    await invite(await giveAdmin(), email, { name: 'Buy gold at evil.example' });
    const [mail] = await readMailsTo(database.db, email);
    expect(mail).toMatchObject({ template: 'invitation', params: { role: 'staff' }, userId: null });
    const [link] = await database.db.select().from(emailLinks).where(eq(emailLinks.id, mail!.linkId!));
    const { subject, text, html } = readMail({ ...mail!, link: link! });
    expect(subject).toBe('You are invited to Doorstep');
    expect(text).toContain('as a member of staff');
    expect(text).toContain('because an admin entered your address');
    for (const words of [subject, text, html]) expect(words).not.toMatch(/gold|December|Settled/);
  });

  test('says no role that this version does not know', () => {
    const words = readMail({ template: 'invitation', params: { role: 'constructor' }, link: null });
    expect(words.text).toContain('to create an account. Choose');
  });

  test('opens an account with its role, its email proven, signed in, known to the browser', async () => {
    const admin = await giveAdmin();
    const { email, token } = await invited(admin, newEmail(), 'broker');
    expect(await readInvitation(database.db, token, after(noon, 50))).toMatchObject({
      ok: true,
      invitation: { email, name: 'Nora New', role: 'broker' },
    });
    const accepted = await accept(token);
    if (!accepted.ok) throw new Error(accepted.reason);
    const user = (await findUserByEmail(database.db, email))!;
    expect(user).toMatchObject({
      name: 'Nora Newman',
      role: 'broker',
      emailProvenAt: after(noon, 60),
      activatedAt: after(noon, 60),
    });
    const session = await redeemLoginGrant(database.db, accepted.grant, at(61));
    expect(await readSession(database.db, session!.sessionId, after(noon, 62))).toMatchObject({
      userId: user.id,
      role: 'broker',
    });
    expect(
      await signIn(database.db, { email, password: chosen, knownBrowser: accepted.mark }, at(63)),
    ).toMatchObject({ ok: true });
    const seen = await readPerson(database.db, user.id, {
      adminId: admin.userId,
      historyBefore: null,
      now: after(noon, 70),
    });
    expect(seen!.history.slice(-2)).toMatchObject([
      { action: 'invitation_accepted', actor: { kind: 'owner' } },
      { action: 'account_invited', actor: { kind: 'person', name: admin.name }, reason },
    ]);
  });

  test('is audited with the admin and the reason, and without the address', async () => {
    const admin = await giveAdmin();
    const { email } = await invited(admin);
    const [entry] = await database.db.select().from(auditLog).where(eq(auditLog.actorId, admin.userId));
    expect(entry).toMatchObject({
      action: 'invitation_sent',
      userId: null,
      details: { role: 'staff', reason, invitation: expect.any(String) },
    });
    expect(JSON.stringify(entry)).not.toContain(email);
  });

  test('is refused without a fresh second factor, where mail is off, and to someone who is no admin any more', async () => {
    const [admin, email] = [await giveAdmin(), newEmail()];
    const stale = await openSession(database.db, admin.userId, noon, { secondFactorAt: after(noon, -601) });
    expect(await invite({ ...admin, ...stale }, email)).toEqual({ ok: false, reason: 'confirm_first' });
    await withSettings({ mail: { via: 'off' } }, async () =>
      expect(await invite(admin, email)).toEqual({ ok: false, reason: 'mail_off' }),
    );
    await database.db.update(users).set({ role: 'staff' }).where(eq(users.id, admin.userId));
    expect(await invite(admin, email)).toEqual({ ok: false, reason: 'not_admin' });
    expect(await readMailsTo(database.db, email)).toEqual([]);
  });

  test('is neither sent nor withdrawn by an admin whose session ended while they waited', async () => {
    const admin = await giveAdmin();
    const { token } = await invited(admin);
    const open = await readInvitation(database.db, token, after(noon, 1));
    if (!open.ok) throw new Error(open.reason);
    const { linkId: invitationId } = open.invitation;
    const answers = await releaseTogether<{ ok: boolean }>(database.pool, endingSession(admin), 2, [
      () => invite(admin, newEmail()),
      () => withdrawInvitation(database.db, admin, { invitationId, reason }, at(1)),
    ]);
    const ended = { value: { ok: false, reason: 'not_open' } };
    expect(answers).toMatchObject([ended, ended]);
    expect(await readInvitation(database.db, token, after(noon, 2))).toMatchObject({ ok: true });
  });

  test('is refused where the email has an account that is its owner’s, or was shut by an admin', async () => {
    const admin = await giveAdmin();
    const staff = await givePerson(database.db, { active: true, role: 'staff' });
    const proven = await givePerson(database.db, { active: true });
    const shut = await givePerson(database.db, { active: true });
    await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, proven.userId));
    await database.db.update(users).set({ deactivatedAt: noon }).where(eq(users.id, shut.userId));
    for (const { userId, email } of [staff, proven, shut]) {
      expect(await invite(admin, email.toUpperCase())).toEqual({ ok: false, reason: 'email_taken', userId });
    }
  });

  test('floods no mailbox: the fourth mail to an address within the hour is refused', async () => {
    const [admin, email] = [await giveAdmin(), newEmail()];
    for (const seconds of [1, 2, 3]) expect(await invite(admin, email, {}, seconds)).toEqual({ ok: true });
    expect(await invite(admin, email, {}, 4)).toMatchObject({ reason: 'mail_limit' });
    // Only the newest works.
    const open = await listInvitations(database.db, after(noon, 5));
    expect(open.filter((invitation) => invitation.email === email)).toHaveLength(1);
  });
});

describe('an invitation works no more', () => {
  test('once it was used, also at the same instant', async () => {
    const { email, token } = await invited(await giveAdmin());
    const answers = await Promise.all(Array.from({ length: 4 }, () => accept(token)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    const refusals = answers.filter(({ ok }) => !ok);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ reason: 'invitation', why: expect.stringMatching(/used|email_taken/) });
    }
    expect(await database.db.$count(users, eq(users.email, email))).toBe(1);
    expect(await accept(token, 120)).toEqual(over('used'));
  });

  test('after 48 hours, and for any other token', async () => {
    const { token } = await invited(await giveAdmin());
    expect(await accept(token, 48 * 3600)).toEqual(over('expired'));
    expect(await accept(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)).toEqual(over('unknown'));
    expect(await accept('')).toEqual(over('unknown'));
    expect(await accept(token, 48 * 3600 - 1)).toMatchObject({ ok: true });
  });

  test('once a newer one was sent to the same address', async () => {
    const admin = await giveAdmin();
    const { email, token } = await invited(admin);
    await invite(admin, email, {}, 5);
    expect(await accept(token)).toEqual(over('ended'));
    expect(await accept(await readToken(database.db, email))).toMatchObject({ ok: true });
  });

  test('once it was withdrawn, and what was used cannot be', async () => {
    const admin = await giveAdmin();
    const { email, token } = await invited(admin);
    const read = await readInvitation(database.db, token, noon);
    if (!read.ok) throw new Error(read.reason);
    const withdraw = (seconds: number) =>
      withdrawInvitation(database.db, admin, { invitationId: read.invitation.linkId, reason }, at(seconds));
    expect(await withdraw(601)).toEqual({ ok: false, reason: 'confirm_first' });
    expect(await withdraw(2)).toEqual({ ok: true });
    expect(await withdraw(3)).toEqual({ ok: false, reason: 'over' });
    expect(await accept(token)).toEqual(over('ended'));
    expect(await findUserByEmail(database.db, email)).toBeNull();
    expect((await database.db.select().from(auditLog)).at(-1)).toMatchObject({
      action: 'invitation_withdrawn',
      actorId: admin.userId,
      details: { invitation: read.invitation.linkId, role: 'staff', reason },
    });
  });

  test('when another kind of link is named to be withdrawn, or none at all', async () => {
    const admin = await giveAdmin();
    const { userId } = await givePerson(database.db, { active: true });
    await sendProofAgain(database.db, userId, at());
    const [link] = await database.db.select().from(emailLinks).where(eq(emailLinks.userId, userId));
    for (const invitationId of [link!.id, newId(), '', "' or true"]) {
      expect(await withdrawInvitation(database.db, admin, { invitationId, reason }, at(1))).toEqual({
        ok: false,
        reason: 'over',
      });
    }
    const [after] = await database.db.select().from(emailLinks).where(eq(emailLinks.userId, userId));
    expect(after!.endedAt).toBeNull();
  });

  test.each(['role', 'account', 'row'] as const)('once its sender lost their %s', async (what) => {
    const [admin, other] = [await giveAdmin(), await giveAdmin()];
    const { email, token } = await invited(admin);
    await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, admin.userId));
    if (what === 'row') await database.db.delete(users).where(eq(users.id, admin.userId));
    else {
      const change =
        what === 'role' ? ({ do: 'change_role', role: 'staff' } as const) : ({ do: 'deactivate' } as const);
      expect(
        await manageAccount(database.db, other, { userId: admin.userId, change, reason }, at(5)),
      ).toMatchObject({ ok: true });
    }
    expect(await readInvitation(database.db, token, after(noon, 6))).toEqual({
      ok: false,
      reason: 'inviter_gone',
    });
    expect(await accept(token)).toEqual(over('inviter_gone'));
    expect(await findUserByEmail(database.db, email)).toBeNull();
    const open = await listInvitations(database.db, after(noon, 6));
    expect(open.find((invitation) => invitation.email === email)).toMatchObject({ isGood: false });
  });

  test('when its sender loses the role at that very instant: either it came before, or it is refused', async () => {
    const [admin, other] = [await giveAdmin(), await giveAdmin()];
    const { email, token } = await invited(admin);
    const [accepted, shut] = await releaseTogether<{ ok: boolean }>(
      database.pool,
      `select from users where id = '${admin.userId}' for update`,
      2,
      [
        () => accept(token),
        () =>
          manageAccount(
            database.db,
            other,
            { userId: admin.userId, change: { do: 'deactivate' }, reason },
            at(60),
          ),
      ],
    );
    expect(shut).toMatchObject({ status: 'fulfilled', value: { ok: true } });
    const isThere = (await findUserByEmail(database.db, email)) !== null;
    expect(accepted).toMatchObject({ status: 'fulfilled', value: { ok: isThere } });
  });
});

describe('an account that nobody proved at the email', () => {
  const form = { name: 'Squatter', password: 'violet otter cactus', phone: null, timeZone: null };
  const none = { smsOptIn: false, verifyPhone: false, tcpaConsent: false };

  test('is closed, and nothing of it is taken over', async () => {
    const admin = await giveAdmin();
    const email = newEmail();
    const squat = await register(database.db, { ...form, ...none, email }, at());
    if (!squat.ok || squat.next !== 'dashboard') throw new Error('not registered');
    const before = (await findUserByEmail(database.db, email))!;
    const session = (await redeemLoginGrant(database.db, squat.grant, at(1)))!;
    const { token } = await invited(admin, email);
    expect(await accept(token)).toMatchObject({ ok: true });
    expect(await readSession(database.db, session.sessionId, after(noon, 61))).toBeNull();
    const user = (await findUserByEmail(database.db, email))!;
    expect(user.id).not.toBe(before.id);
    expect(user.role).toBe('staff');
    const [closed] = await database.db.select().from(users).where(eq(users.id, before.id));
    expect(closed!.deactivatedAt).not.toBeNull();
    expect(await signIn(database.db, { email, password: form.password }, at(62))).toMatchObject({
      reason: 'wrong_credentials',
    });
  });

  test('that is pending is erased, and its registering again does not end the invitation', async () => {
    const admin = await giveAdmin();
    const { email, token } = await invited(admin);
    const pending = {
      ...form,
      email,
      phone: newPhone(),
      verifyPhone: true,
      smsOptIn: false,
      tcpaConsent: true,
    };
    const first = await register(database.db, pending, at(1));
    if (!first.ok || first.next !== 'verify') throw new Error('Not to be verified');
    const { pendingToken } = first;
    expect(
      await register(database.db, { ...pending, phone: newPhone() }, at(2), { pendingToken }),
    ).toMatchObject({ next: 'verify' });
    expect(await accept(token)).toMatchObject({ ok: true });
    expect(await database.db.$count(users, eq(users.email, email))).toBe(1);
    expect(await findUserByEmail(database.db, email)).toMatchObject({ role: 'staff' });
  });

  test('whose owner proved it meanwhile keeps the email, and the link is not used up', async () => {
    const { email, token } = await invited(await giveAdmin());
    const { userId } = await givePerson(database.db, { active: true, email });
    await database.db.update(users).set({ emailProvenAt: noon }).where(eq(users.id, userId));
    expect(await accept(token)).toEqual(over('email_taken'));
    await database.db.delete(users).where(eq(users.id, userId));
    expect(await accept(token)).toMatchObject({ ok: true });
  });

  test('that its owner disowned is out of the way already', async () => {
    const admin = await giveAdmin();
    const { userId, email } = await givePerson(database.db, { active: true });
    await sendProofAgain(database.db, userId, at());
    expect(await disownAccount(database.db, await readToken(database.db, email), at(1))).toEqual({
      ok: true,
    });
    expect(await invite(admin, email, {}, 2)).toEqual({ ok: true });
    expect(await accept(await readToken(database.db, email))).toMatchObject({ ok: true });
  });
});

test('a password that is easy to guess, or close to the person, is refused and uses nothing up', async () => {
  const { token } = await invited(await giveAdmin());
  expect(await accept(token, 60, { password: 'password1' })).toMatchObject({ reason: 'password' });
  expect(await accept(token, 60, { password: 'Nora Newman' })).toMatchObject({ reason: 'password' });
  expect(await accept(token)).toMatchObject({ ok: true });
});

test('the list has what is open, newest first, whatever a row holds', async () => {
  await database.db.delete(emailLinks);
  const admin = await giveAdmin();
  const [first, second] = [newEmail(), newEmail()];
  await invite(admin, first, {}, 0);
  await invite(admin, second, { role: 'admin' }, 1);
  const odd = await Promise.all(
    ['7', '{"invitedBy": "------------------------------------"}', '{"role": 7}'].map(async (details) => {
      const id = newId();
      await database.pool.query(
        `insert into email_links (id, purpose, email, email_key, nonce, created_at, expires_at, details)
         values ($1, 'invite', 'odd@example.com', 'odd@example.com', '\\x00', $2, $3, $4)`,
        [id, after(noon, -10), after(noon, 1000), details],
      );
      return id;
    }),
  );
  const open = await listInvitations(database.db, after(noon, 5));
  expect(open.map(({ email }) => email)).toEqual([second, first, ...odd.map(() => 'odd@example.com')]);
  expect(open[0]).toMatchObject({
    name: 'Nora New',
    role: 'admin',
    reason,
    sentAt: after(noon, 1),
    expiresAt: after(noon, 1 + 48 * 3600),
    invitedBy: admin.name,
    isGood: true,
  });
  expect(open[2]).toMatchObject({ isGood: false, invitedBy: null });
  expect(await listInvitations(database.db, after(noon, 50 * 3600))).toEqual([]);
  await database.db.delete(emailLinks).where(inArray(emailLinks.id, odd));
});

test('housekeeping leaves an invitation as long as it can be used, however short the retention', async () => {
  const { email, token } = await invited(await giveAdmin());
  const before = after(noon, 1);
  await pruneLinks(database.db, { before: after(noon, -1), unownedBefore: before }, 1000);
  expect(await accept(token, 24 * 3600)).toMatchObject({ ok: true });
  await pruneLinks(database.db, { before: after(noon, -1), unownedBefore: after(noon, 48 * 3600 + 1) }, 1000);
  expect(await database.db.$count(emailLinks, eq(emailLinks.email, email))).toBe(0);
});
