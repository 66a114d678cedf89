import { pathToFileURL } from 'node:url';
import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { hashPassword } from '@/lib/accounts/password';
import { type User } from '@/lib/accounts/users';
import { replacePassword } from '@/lib/auth/settings/change-password';
import { forgetWrongPasswords } from '@/lib/auth/sign-in/check-password';
import { env } from '@/lib/env';
import { readCommandLine, requireEmail } from '../command-line';
import { operatorContext, operatorName } from './operator';
import { readPassword, refuseBreachedPassword, refuseWeakPassword } from './read-password';
import { requireAccount } from './require-account';
import { runCommand } from './run-command';
import { StartProblem } from '../start-problem';

const usage = 'npm run set-password -- --email …';
const about = `Sets a new password for someone who forgot theirs. It is asked for, or read from the first line of standard
input. They are signed out everywhere, and the tries for their email come back.`;

/** Reads the command's arguments: whose password it is. Throws a StartProblem of one line when that is missing. */
export function readArguments(args: readonly string[]): string {
  return requireEmail(readCommandLine(args, { usage, about, options: ['email'] }).email, usage);
}

/**
 * Gives someone who has forgotten theirs a new password, by an operator at the terminal who knows that it is really them.
 * All their sessions and pending verifications end, and wrong passwords of the last day no longer keep them out. The password is held to what registration asks of one. Throws a
 * StartProblem of one line when it may not be chosen, or when no open or pending account has this email.
 */
export async function setPassword(
  database: Db,
  { email, password }: { email: string; password: string },
  now: Date,
): Promise<void> {
  const user = await requireOpenAccount(database, email);
  refuseWeakPassword(password, { siteName: env().siteName, email: user.email, name: user.name });
  const hash = await hashPassword(password);
  if (!hash.ok) throw new StartProblem('Too many passwords are being hashed right now. Try again.');
  const change = {
    action: 'password_set_by_operator',
    actorId: null,
    keptSession: null,
    details: { operator: operatorName() },
  } as const;
  const context = operatorContext(now);
  const replaced = await database.transaction(async (tx) => {
    const isReplaced = await replacePassword(tx, user, hash.value, change, context);
    // No browser is known by the new password yet, and strangers may have spent the tries of all the others.
    if (isReplaced) await forgetWrongPasswords(tx, user.email);
    return isReplaced;
  });
  if (!replaced) {
    throw new StartProblem(`The password of ${user.email} was changed meanwhile. Nothing else was changed.`);
  }
}

async function requireOpenAccount(database: Db, email: string): Promise<User> {
  const user = await requireAccount(database, email);
  if (user.deactivatedAt !== null) {
    throw new StartProblem(
      `${user.email} is deactivated: a password would not open it. Nothing was changed.`,
    );
  }
  return user;
}

async function run(email: string): Promise<void> {
  const user = await requireOpenAccount(db(), email);
  const password = await readPassword(process.stdin, process.stderr);
  await refuseBreachedPassword(password);
  await setPassword(db(), { email, password }, await readDatabaseClock(db()));
  console.log(`${user.email} has a new password, and is signed out everywhere.`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, run);
}
