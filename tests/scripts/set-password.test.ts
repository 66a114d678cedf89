import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { auditLog, pendingTokens, sessions, users } from '@/db/schema/accounts';
import { verifyPassword } from '@/lib/accounts/password';
import { issuePendingToken } from '@/lib/accounts/pending';
import { findUserByEmail } from '@/lib/accounts/users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { redeemLoginGrant } from '@/lib/accounts/sessions';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { readArguments, setPassword } from '../../scripts/commands/set-password';
import { useDatabase } from '../support/database';
import { after, contextAt, givePerson, noon } from '../support/people';
import {
  giveSettledPerson,
  openSession,
  password as oldPassword,
  readTexts,
} from '../support/settled-person';
import { spendSharedTries } from '../support/strangers';
import { runScript } from './support/run-script';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();
const password = 'violet kettle mosaic';

const run = (email: string, input = `${password}\n`) =>
  runScript('set-password', ['--email', email], { DATABASE_URL: database.url, input });

describe('the command', () => {
  test('sets the password, ends all that the old one opened, and prints one line', async () => {
    const person = await giveSettledPerson(database.db);
    const { userId, email } = person;
    await openSession(database.db, userId, noon);
    await issuePendingToken(database.db, userId, noon);
    const { grant } = await mintLoginGrant(database.db, userId, new Date());

    expect(await run(email.toUpperCase())).toEqual({
      code: 0,
      out: `${email} has a new password, and is signed out everywhere.\n`,
      err: '',
    });

    const user = await findUserByEmail(database.db, email);
    expect(await verifyPassword(password, user!.passwordHash)).toBe(true);
    expect(await verifyPassword(oldPassword, user!.passwordHash)).toBe(false);
    expect(await database.db.select().from(sessions).where(eq(sessions.userId, userId))).toEqual([]);
    expect(await database.db.select().from(pendingTokens).where(eq(pendingTokens.userId, userId))).toEqual(
      [],
    );
    expect(await redeemLoginGrant(database.db, grant, contextAt(new Date()))).toBeNull();
    expect((await readTexts(database.db, person.phone!)).map(({ template }) => template)).toEqual([
      'securityNotice',
    ]);
    const audit = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(audit.at(-1)).toMatchObject({
      action: 'password_set_by_operator',
      actorId: null,
      address: 'terminal',
    });
    expect(JSON.stringify(audit)).not.toContain(password);
  });

  test('lets the person in right after it, though strangers had spent all tries of the email', async () => {
    const { email } = await giveSettledPerson(database.db);
    await spendSharedTries(database.db, email, noon);
    const context = () => contextAt(after(noon, 60));
    const credentials = { email, password };
    expect(await signIn(database.db, credentials, context())).toMatchObject({ reason: 'too_many_passwords' });
    await setPassword(database.db, credentials, after(noon, 60));
    expect(await signIn(database.db, credentials, context())).toMatchObject({ ok: true });
  });

  test('an email without an account is one line and code 1, and no password is asked for', async () => {
    expect(await run('nobody@example.com', '')).toEqual({
      code: 1,
      out: '',
      err: 'No account has the email nobody@example.com.\n',
    });
  });
});

test.each([
  ['too short', 'short12', /too short/],
  ['too long', 'x'.repeat(129), /too long/],
  ['common', 'password123', /many people use one like it/],
])('a password that is %s is refused as registration refuses it', async (_, bad, words) => {
  const { email } = await givePerson(database.db, { active: true });
  const before = await findUserByEmail(database.db, email);
  await expect(setPassword(database.db, { email, password: bad }, noon)).rejects.toThrow(words);
  expect(await findUserByEmail(database.db, email)).toEqual(before);
});

test('a deactivated account is refused', async () => {
  const { email, userId } = await givePerson(database.db, { active: true });
  await database.db.update(users).set({ deactivatedAt: noon }).where(eq(users.id, userId));
  await expect(setPassword(database.db, { email, password }, noon)).rejects.toThrow('is deactivated');
});

test.each([
  [[], '--email: Give the email of the account.'],
  [['--email', ' '], '--email: Give the email of the account.'],
  [['--email', 'a@example.com', '--password', 'secret'], "Unknown option '--password'"],
  [['a@example.com'], 'Unexpected argument'],
])('the arguments %j are refused in one line', (args, words) => {
  expect(() => readArguments(args)).toThrow(words);
});
