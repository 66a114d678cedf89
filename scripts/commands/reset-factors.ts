import { pathToFileURL } from 'node:url';
import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { replaceFactors } from '@/lib/auth/admin/replace-factors';
import { readCommandLine, requireEmail } from '../command-line';
import { sayEnrollLink } from './enroll-words';
import { operatorContext, operatorName } from './operator';
import { requireAccount } from './require-account';
import { runCommand } from './run-command';
import { StartProblem } from '../start-problem';

const usage = 'npm run reset-factors -- --email …';
const about = `Takes every passkey, authenticator app, phone and recovery code off an account, and signs it out
everywhere.
Prints a link that works once, for a day: with the password, its person sets up a new second factor by it.
Make sure first who asks for it. Where an admin can sign in and mail reaches the person, an admin does this on the
person's page.`;

/** Reads the command's arguments: whose factors go. Throws a StartProblem of one line when that is missing. */
function readArguments(args: readonly string[]): string {
  return requireEmail(readCommandLine(args, { usage, about, options: ['email'] }).email, usage);
}

const refusals = {
  gone: 'was deleted meanwhile',
  deactivated: 'is deactivated. Nothing was changed',
  not_active: 'waits for its verification. Nothing was changed',
} as const;

/** Takes all factors off an account. Out: what to say about it. Throws a StartProblem of one line when that may not be. */
export async function resetFactorsOf(database: Db, email: string, now: Date): Promise<string> {
  const user = await requireAccount(database, email);
  const change = { userId: user.id, operator: operatorName() };
  const done = await replaceFactors(database, change, operatorContext(now));
  if (!done.ok) throw new StartProblem(`The account of ${user.email} ${refusals[done.reason]}.`);
  const removed = `${user.email} has no second factor any more, and is signed out everywhere.`;
  if (done.enroll === null) return `${removed} They sign in with their password.`;
  return `${removed} ${sayEnrollLink(done.enroll)}`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, async (email) =>
    console.log(await resetFactorsOf(db(), email, await readDatabaseClock(db()))),
  );
}
