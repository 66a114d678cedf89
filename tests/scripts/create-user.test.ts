import { PassThrough } from 'node:stream';
import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { verifyPassword } from '@/lib/accounts/password';
import { findUserByEmail } from '@/lib/accounts/users';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { createUser, readArguments } from '../../scripts/commands/create-user';
import { readPassword } from '../../scripts/commands/read-password';
import { useDatabase } from '../support/database';
import { givePerson, noon } from '../support/people';
import { runScript } from './support/run-script';

const database = useDatabase();
const password = 'violet kettle mosaic';

describe('the command', () => {
  test('opens an account that can sign in, and prints one line', async () => {
    const { code, out, err } = await runScript(
      'create-user',
      ['--email', 'first.admin@example.com', '--name', 'First Admin', '--role', 'admin'],
      { DATABASE_URL: database.url, input: `${password}\n` },
    );
    expect({ code, out, err }).toEqual({
      code: 0,
      out: 'first.admin@example.com can sign in now, as admin. They have 72 hours to set up a second factor with their password alone. After that it takes a link (npm run reset-factors).\n',
      err: '',
    });
    const user = await findUserByEmail(database.db, 'FIRST.ADMIN@example.com');
    expect(user).toMatchObject({ name: 'First Admin', role: 'admin', phone: null, deactivatedAt: null });
    expect(user!.activatedAt).not.toBeNull();
    expect(await verifyPassword(password, user!.passwordHash)).toBe(true);
    expect(await readPreferences(database.db, user!.id)).toMatchObject({ enabled: false });
    const audit = await database.db.select().from(auditLog).where(eq(auditLog.userId, user!.id));
    expect(audit).toMatchObject([
      { action: 'account_created_by_operator', actorId: null, details: { role: 'admin' } },
    ]);
    expect(JSON.stringify(audit)).not.toContain(password);
  });

  test('refuses an email that has an account with one line and code 1, and changes nothing', async () => {
    const { email, userId } = await givePerson(database.db, { active: true });
    const { code, out, err } = await runScript(
      'create-user',
      ['--email', email.toUpperCase(), '--name', 'Someone Else', '--role', 'staff'],
      { DATABASE_URL: database.url, input: `${password}\n` },
    );
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: `${email} has an account already (applicant, open). Nothing was changed.\n`,
    });
    expect(await findUserByEmail(database.db, email)).toMatchObject({ id: userId, role: 'applicant' });
  });

  test('a database that is down is one line and code 1', async () => {
    const { code, out, err } = await runScript(
      'create-user',
      ['--email', 'a@example.com', '--name', 'A', '--role', 'staff'],
      { DATABASE_URL: 'postgres://doorstep:hush@127.0.0.1:1/doorstep', input: `${password}\n` },
    );
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^The database at 127\.0\.0\.1:1\/doorstep cannot be reached: [^\n]+\n$/);
    expect(err).not.toContain('hush');
  });
});

describe('the password', () => {
  const account = {
    email: 'casey.novak@example.com',
    name: 'Casey Novak',
    role: 'staff' as const,
    siteName: 'Elm Homes',
  };

  test.each([
    ['too short', 'short12', /too short/],
    ['too long', 'x'.repeat(129), /too long/],
    ['common', 'password123', /many people use one like it/],
    ['close to the name', 'casey.novak1', /close to the name or email/],
    ["the site's name", 'elmhomes2026', /many people use one like it/],
    ['missing', '', /Choose a password/],
  ])('one that is %s is refused as registration refuses it', async (_, bad, words) => {
    await expect(createUser(database.db, { ...account, password: bad }, noon)).rejects.toThrow(words);
    expect(await findUserByEmail(database.db, account.email)).toBeNull();
  });

  test('four operators who create the same email at once create one account', async () => {
    const email = 'contested@example.com';
    const answers = await Promise.allSettled(
      Array.from({ length: 4 }, () => createUser(database.db, { ...account, email, password }, noon)),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(String(answer.reason)).toContain('has an account already');
    }
  });

  test('piped in, it is the first line as it is, without its line break', async () => {
    for (const [piped, expected] of [
      ['  two words \r\nignored', '  two words '],
      ['no line break', 'no line break'],
    ] as const) {
      const input = new PassThrough();
      input.end(piped);
      expect(await readPassword(input, new PassThrough())).toBe(expected);
    }
  });

  test('nothing piped in is refused', async () => {
    for (const piped of ['', '\n']) {
      const input = new PassThrough();
      input.end(piped);
      await expect(readPassword(input, new PassThrough())).rejects.toThrow('No password was given');
    }
  });

  test('at a terminal it is asked for twice and shown never', async () => {
    const ask = async (...typed: string[]) => {
      const input = Object.assign(new PassThrough(), { isTTY: true });
      const prompt = new PassThrough();
      for (const line of typed) input.write(line);
      const answer = await readPassword(input, prompt).catch((error: Error) => error.message);
      return { answer, shown: String(prompt.read()) };
    };
    expect(await ask(`${password}\r`, `${password}\r`)).toEqual({
      answer: password,
      shown: 'Password: \nThe same again: \n',
    });
    expect((await ask('violet kettle\r', 'violet kettel\r')).answer).toContain('The two passwords differ');
    expect((await ask('violet', '\u0003')).answer).toBe('Nothing was changed.');
  });
});

describe('the arguments', () => {
  const given = { email: 'a@example.com', name: ' A B ', role: 'broker' };
  const write = (values: Record<string, string>) =>
    Object.entries(values).flatMap(([name, value]) => [`--${name}`, value]);

  test('are read as registration reads them', () => {
    expect(readArguments(write(given))).toEqual({ email: 'a@example.com', name: 'A B', role: 'broker' });
  });

  test.each([
    [write({ name: 'A', role: 'staff' }), '--email: Enter your email address.'],
    [write({ ...given, email: 'nobody' }), '--email: This email address is not complete.'],
    [write({ ...given, name: ' ' }), '--name: Enter your name.'],
    [write({ ...given, role: 'owner' }), '--role: Give one of applicant, broker, staff, admin.'],
    [[...write(given), '--password', 'secret'], "Unknown option '--password'"],
    [['nobody@example.com'], 'Unexpected argument'],
  ])('%j are refused in one line', (args, words) => {
    expect(() => readArguments(args)).toThrow(words);
    try {
      readArguments(args);
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });
});
