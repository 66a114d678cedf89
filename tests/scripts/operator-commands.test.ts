import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, pendingTokens, sessions } from '@/db/schema/accounts';
import { readFactors } from '@/lib/accounts/factors';
import { issuePendingToken, readPending } from '@/lib/accounts/pending';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { findUserByEmail } from '@/lib/accounts/users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { sendProofAgain } from '@/lib/auth/registration/prove-email';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { enrollByLink } from '@/lib/auth/two-factor/enroll-by-link';
import { readLink } from '@/lib/mail/links';
import { checkCode } from '@/lib/sms/verification/check-code';
import { readArguments as readDeactivation, deactivateUser } from '../../scripts/commands/deactivate-user';
import { endSessions } from '../../scripts/commands/end-sessions';
import { operatorName } from '../../scripts/commands/operator';
import { resetFactorsOf } from '../../scripts/commands/reset-factors';
import { readArguments as readRoleChange, setRole } from '../../scripts/commands/set-role';
import { releaseTogether } from '../support/barrier';
import { useDatabase } from '../support/database';
import { setUpTotp } from '../support/factors';
import { readToken } from '../support/mails';
import { after, contextAt, givePending, givePerson, newPhone, noon, readUserRow } from '../support/people';
import { readExport } from '../support/read-export';
import { giveSettledPerson, openSession, password } from '../support/settled-person';
import { askForCode, askForUpdate, askPolicy, makeEnv, makePerson, readText } from '../support/texts';
import { runScript } from './support/run-script';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();

const run = (name: string, ...args: string[]) => runScript(name, args, { DATABASE_URL: database.url });

async function lastAudit(userId: string) {
  return (await database.db.select().from(auditLog).where(eq(auditLog.userId, userId))).at(-1);
}

async function openAdmins(): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(
    `select count(*)::int as n from users where role = 'admin' and activated_at is not null and deactivated_at is null`,
  );
  return rows[0]!.n;
}

/** Nobody but these is an admin. */
async function giveAdmins(howMany: number) {
  await database.pool.query(`delete from users where role = 'admin'`);
  return Promise.all(
    Array.from({ length: howMany }, () => givePerson(database.db, { active: true, role: 'admin' })),
  );
}

const handOn =
  'Give them this link, and nobody else. With their password it sets up a second factor, once, within 24 hours:';

/** Follows a printed link, as its person does. */
const enter = (url: string) =>
  enrollByLink(
    database.db,
    { token: new URL(url).searchParams.get('link')!, password, knownBrowser: null },
    contextAt(new Date()),
  );

describe('deactivate-user', () => {
  test('signs the person out at once, voids what could open a session, and says so in one line', async () => {
    const { userId, email, sessionId } = await giveSettledPerson(database.db);
    const { grant } = await mintLoginGrant(database.db, userId, new Date());
    await sendProofAgain(database.db, userId, contextAt(new Date()));
    const link = await readToken(database.db, email);
    expect(await run('deactivate-user', '--email', email.toUpperCase())).toEqual({
      code: 0,
      out: `${email} is deactivated, and signed out everywhere.\n`,
      err: '',
    });
    expect(await readSession(database.db, sessionId, after(noon, 1))).toBeNull();
    expect(await database.db.$count(sessions, eq(sessions.userId, userId))).toBe(0);
    expect(await redeemLoginGrant(database.db, grant, contextAt(new Date()))).toBeNull();
    expect(await readLink(database.db, link, ['confirm'], new Date())).toMatchObject({ reason: 'ended' });
    expect(await lastAudit(userId)).toMatchObject({
      action: 'account_deactivated',
      actorId: null,
      address: 'terminal',
      details: { operator: operatorName() },
    });
    expect(await signIn(database.db, { email, password }, contextAt(noon))).toEqual({
      ok: false,
      reason: 'deactivated',
    });
  });

  test('withdraws what waits, and the send policy refuses what is asked for later', async () => {
    const person = await makePerson(database.db);
    const waiting = await askForUpdate(database.db, person);
    const { messageId: code } = await askForCode(database.db, person);
    const { email } = (await readUserRow(database.db, person.userId))!;
    await deactivateUser(database.db, email, new Date());
    for (const id of [waiting, code]) {
      expect(await readText(database.db, id)).toMatchObject({
        status: 'canceled',
        reason: 'account_deactivated',
      });
    }
    const later = await askForUpdate(database.db, person);
    const answer = await askPolicy(
      database.db,
      { id: later },
      { now: new Date(), env: makeEnv(database.url) },
    );
    expect(answer).toMatchObject({ answer: 'refuse', status: 'canceled', reason: 'account_deactivated' });
  });

  test('shuts a pending account too: neither its browser nor its code opens it', async () => {
    const prover = await givePending(database.db, newPhone());
    const token = await issuePendingToken(database.db, prover.userId, noon);
    const { email } = (await readUserRow(database.db, prover.userId))!;
    await deactivateUser(database.db, email, after(noon, 5));
    expect(await readPending(database.db, token, after(noon, 6))).toBeNull();
    expect(await database.db.$count(pendingTokens, eq(pendingTokens.userId, prover.userId))).toBe(0);
    expect(await checkCode(database.db, prover, prover.code, contextAt(after(noon, 7)))).toMatchObject({
      ok: false,
    });
    expect((await readUserRow(database.db, prover.userId))!.activatedAt).toBeNull();
  });

  test('refuses the last admin who can sign in, and an account that is deactivated already', async () => {
    const [first, second] = await giveAdmins(2);
    await deactivateUser(database.db, first!.email, noon);
    await expect(deactivateUser(database.db, first!.email, noon)).rejects.toThrow('is deactivated already');
    expect(await run('deactivate-user', '--email', second!.email)).toEqual({
      code: 1,
      out: '',
      err: `${second!.email} is the last admin who can sign in. Make another first (npm run set-role). Nothing was changed.\n`,
    });
    expect(await openAdmins()).toBe(1);
  });

  test('of admins who are deactivated, demoted and both at the same instant one stays', async () => {
    const admins = await giveAdmins(6);
    const answers = await releaseTogether(
      database.pool,
      `select from users where role = 'admin' for update`,
      6,
      admins.map(
        ({ email }, index) =>
          () =>
            index % 2
              ? deactivateUser(database.db, email, noon)
              : setRole(database.db, { email, role: 'staff' }, noon),
      ),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(await openAdmins()).toBe(1);
  });
});

describe('set-role', () => {
  test('ends what the old role had open, links included, and prints a link to set up a second factor', async () => {
    const { userId, email, sessionId } = await giveSettledPerson(database.db);
    const { grant } = await mintLoginGrant(database.db, userId, new Date());
    await sendProofAgain(database.db, userId, contextAt(new Date()));
    const link = await readToken(database.db, email);
    const { code, out, err } = await run('set-role', '--email', email, '--role', 'admin');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [words, url] = out.trimEnd().split('\n');
    expect(words).toBe(
      `${email} has the role admin now, and had the role applicant. Nobody has confirmed this email: make sure that the account is theirs. ${handOn}`,
    );
    expect(await enter(url!)).toMatchObject({ ok: true });
    expect(await readSession(database.db, sessionId, after(noon, 1))).toBeNull();
    expect(await redeemLoginGrant(database.db, grant, contextAt(new Date()))).toBeNull();
    expect(await readLink(database.db, link, ['confirm'], new Date())).toMatchObject({ reason: 'ended' });
    expect((await readUserRow(database.db, userId))!.role).toBe('admin');
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(entries.find(({ action }) => action === 'role_changed')).toMatchObject({
      actorId: null,
      details: { from: 'applicant', to: 'admin', operator: operatorName() },
    });
  });

  test('says nothing of the email where it is confirmed', async () => {
    const { userId, email } = await givePerson(database.db, { active: true });
    await database.pool.query('update users set email_proven_at = now() where id = $1', [userId]);
    const said = await setRole(database.db, { email, role: 'staff' }, noon);
    expect(said.split('\n')[0]).toBe(
      `${email} has the role staff now, and had the role applicant. ${handOn}`,
    );
    await database.db.transaction((tx) => setUpTotp(tx, { userId, email }, noon));
    expect(await setRole(database.db, { email, role: 'broker' }, noon)).toBe(
      `${email} has the role broker now, and had the role staff.`,
    );
  });

  test('refuses what would change nothing, the last admin, and a deactivated account', async () => {
    const [admin] = await giveAdmins(1);
    const change = (email: string, role: 'admin' | 'staff') => setRole(database.db, { email, role }, noon);
    await expect(change(admin!.email, 'admin')).rejects.toThrow('has the role admin already');
    await expect(change(admin!.email, 'staff')).rejects.toThrow('is the last admin who can sign in');
    const { email } = await givePerson(database.db, { active: true });
    await deactivateUser(database.db, email, noon);
    await expect(change(email, 'staff')).rejects.toThrow('is deactivated');
    await expect(change('nobody@example.com', 'staff')).rejects.toThrow('No account has the email');
    expect((await findUserByEmail(database.db, admin!.email))!.role).toBe('admin');
  });
});

describe('reset-factors', () => {
  test('takes all factors off, signs out everywhere, and prints a link that works once', async () => {
    const { userId, email, sessionId } = await giveSettledPerson(database.db, {
      role: 'admin',
      now: new Date(),
    });
    const { code, out, err } = await run('reset-factors', '--email', email.toUpperCase());
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [words, url, ...more] = out.trimEnd().split('\n');
    expect(words).toBe(`${email} has no second factor any more, and is signed out everywhere. ${handOn}`);
    expect(more).toEqual([]);
    expect(await readFactors(database.db, userId)).toEqual({ passkey: false, totp: false, sms: false });
    expect(await readSession(database.db, sessionId, new Date())).toBeNull();
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(entries.find(({ action }) => action === 'factors_reset')).toMatchObject({
      actorId: null,
      address: 'terminal',
      details: { operator: operatorName() },
    });
    expect(JSON.stringify(entries)).not.toContain(new URL(url!).searchParams.get('link'));
    expect(await enter(url!)).toMatchObject({ ok: true });
    expect(await enter(url!)).toMatchObject({ ok: false, reason: 'used' });
  });

  test('says of an applicant that their password is enough, and refuses who is not there, closed or pending', async () => {
    const { email } = await givePerson(database.db, { active: true });
    expect(await resetFactorsOf(database.db, email, noon)).toBe(
      `${email} has no second factor any more, and is signed out everywhere. They sign in with their password.`,
    );
    await deactivateUser(database.db, email, noon);
    await expect(resetFactorsOf(database.db, email, noon)).rejects.toThrow(
      'is deactivated. Nothing was changed.',
    );
    const pending = await givePerson(database.db, { active: false });
    await expect(resetFactorsOf(database.db, pending.email, noon)).rejects.toThrow(
      'waits for its verification',
    );
    await expect(resetFactorsOf(database.db, 'nobody@example.com', noon)).rejects.toThrow(
      'No account has the email',
    );
  });
});

describe('end-sessions', () => {
  test('signs the person out everywhere, and leaves the account as it is', async () => {
    const { userId, email } = await giveSettledPerson(database.db);
    const { userId: other } = await giveSettledPerson(database.db);
    await openSession(database.db, userId, noon);
    await issuePendingToken(database.db, userId, noon);
    const { grant } = await mintLoginGrant(database.db, userId, new Date());
    const before = await readUserRow(database.db, userId);
    expect(await run('end-sessions', '--email', email)).toEqual({
      code: 0,
      out: `${email} is signed out everywhere (2 sessions).\n`,
      err: '',
    });
    expect(await database.db.$count(sessions, eq(sessions.userId, userId))).toBe(0);
    expect(await database.db.$count(sessions, eq(sessions.userId, other))).toBe(1);
    expect(await database.db.$count(pendingTokens, eq(pendingTokens.userId, userId))).toBe(0);
    expect(await redeemLoginGrant(database.db, grant, contextAt(new Date()))).toBeNull();
    expect(await readUserRow(database.db, userId)).toEqual(before);
    expect(await lastAudit(userId)).toMatchObject({
      action: 'sessions_ended_by_operator',
      details: { operator: operatorName(), ended: 2 },
    });
    expect(await signIn(database.db, { email, password }, contextAt(noon))).toMatchObject({ ok: true });
  });

  test('leaves no session that was being opened at that instant', async () => {
    const { userId, email } = await givePerson(database.db, { active: true });
    const grants = await Promise.all(
      Array.from({ length: 6 }, () => mintLoginGrant(database.db, userId, noon)),
    );
    await releaseTogether<unknown>(database.pool, `select from users where id = '${userId}' for update`, 7, [
      ...grants.map(
        ({ grant }) =>
          () =>
            redeemLoginGrant(database.db, grant, contextAt(noon)),
      ),
      () => endSessions(database.db, email, noon),
    ]);
    expect(await database.db.$count(sessions, eq(sessions.userId, userId))).toBe(0);
  });
});

test('what a person takes along does not name who of the operator did it', async () => {
  const { userId, email } = await givePerson(database.db, { active: true });
  await setRole(database.db, { email, role: 'broker' }, noon);
  const taken = await readExport(database.db, userId, contextAt(noon));
  const entry = taken!.activity.find(({ action }) => action === 'role_changed')!;
  expect(entry.details).toEqual({ from: 'applicant', to: 'broker' });
});

test.each([
  [readDeactivation, [], '--email: Give the email of the account.'],
  [readRoleChange, ['--email', 'a@example.com'], '--role: Give one of applicant, broker, staff, admin.'],
  [readRoleChange, ['--email', 'a@example.com', '--role', 'owner'], '--role: Give one of'],
  [readRoleChange, ['--role', 'staff'], '--email: Give the email of the account.'],
])('%o refuses %j in one line', (read, args, words) => {
  expect(() => read(args)).toThrow(words);
});
