import { pathToFileURL } from 'node:url';
import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import type { Role } from '@/db/schema/accounts';
import { hashPassword } from '@/lib/accounts/password';
import { findUserByEmail, insertUser, lockEmail } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { readRegistration } from '@/lib/auth/registration/register-input';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import { readCommandLine } from '../command-line';
import { operatorContext, operatorName } from './operator';
import { readPassword, refuseBreachedPassword, refuseWeakPassword } from './read-password';
import { readRole, roles } from './roles';
import { runCommand } from './run-command';
import { StartProblem } from '../start-problem';

const usage = `npm run create-user -- --email … --name … --role ${roles.join('|')}`;

const about = `Opens an account that can sign in at once, without a phone. The password is asked for, or read from the first line
of standard input.`;

export type NewAccount = { email: string; name: string; role: Role };

/** Reads the command's arguments; throws a StartProblem of one line that says what is missing or wrong. */
export function readArguments(args: readonly string[]): NewAccount {
  const values = readCommandLine(args, { usage, about, options: ['email', 'name', 'role'] });
  const { email = '', name = '' } = values;
  const form = readRegistration(Object.entries({ email, name, password: '' }));
  const { email: emailError, name: nameError } = form.ok ? {} : form.fieldErrors;
  if (emailError) throw new StartProblem(`--email: ${emailError} Usage: ${usage}`);
  if (nameError) throw new StartProblem(`--name: ${nameError} Usage: ${usage}`);
  return { email: email.trim(), name: name.trim(), role: readRole(values.role, usage) };
}

/**
 * Opens an active account without a phone, by an operator at the terminal. The password is held to what registration asks
 * of one. Throws a StartProblem of one line when the password may not be chosen or the email has an account.
 */
export async function createUser(
  database: Db,
  { email, name, role, password, siteName }: NewAccount & { password: string; siteName: string },
  now: Date,
): Promise<void> {
  const form = readRegistration(Object.entries({ email, name, password }));
  if (!form.ok) throw new StartProblem(Object.values(form.fieldErrors)[0] ?? 'The account is not complete.');
  refuseWeakPassword(password, { siteName, email, name });
  await refuseTaken(database, email);
  const hash = await hashPassword(password);
  if (!hash.ok) throw new StartProblem('Too many passwords are being hashed right now. Try again.');
  await database.transaction(async (tx) => {
    await lockEmail(tx, email);
    await refuseTaken(tx, email);
    const userId = newId();
    await insertUser(tx, {
      id: userId,
      email,
      name,
      role,
      passwordHash: hash.value,
      phone: null,
      active: true,
      emailProven: true,
      now,
    });
    await createPreferences(tx, { userId, enabled: false, timeZone: null, now });
    await recordAudit(
      tx,
      {
        action: 'account_created_by_operator',
        userId,
        actorId: null,
        details: { role, operator: operatorName() },
      },
      operatorContext(now),
    );
  });
}

async function refuseTaken(database: Parameters<typeof findUserByEmail>[0], email: string): Promise<void> {
  const user = await findUserByEmail(database, email);
  if (!user) return;
  const state = user.deactivatedAt
    ? 'deactivated'
    : user.activatedAt
      ? 'open'
      : 'waiting for its verification';
  throw new StartProblem(
    `${user.email} has an account already (${user.role}, ${state}). Nothing was changed.`,
  );
}

/** What comes next for a new account. */
function sayCreated({ email, role }: NewAccount): string {
  const opened = `${email} can sign in now, as ${role}.`;
  if (role === 'applicant') return opened;
  return `${opened} They have 72 hours to set up a second factor with their password alone. After that it takes a link (npm run reset-factors).`;
}

async function run(account: NewAccount): Promise<void> {
  await refuseTaken(db(), account.email);
  const password = await readPassword(process.stdin, process.stderr);
  await refuseBreachedPassword(password);
  await createUser(db(), { ...account, password, siteName: env().siteName }, await readDatabaseClock(db()));
  console.log(sayCreated(account));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, run);
}
