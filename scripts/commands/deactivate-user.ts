import { pathToFileURL } from 'node:url';
import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { deactivateAccount, type DeactivationRefusal } from '@/lib/auth/admin/deactivate-account';
import { readCommandLine, requireEmail } from '../command-line';
import { operatorContext, operatorName } from './operator';
import { requireAccount } from './require-account';
import { runCommand } from './run-command';
import { StartProblem } from '../start-problem';

const usage = 'npm run deactivate-user -- --email …';
const about = `Shuts an account: its person is signed out at once, cannot sign in, and gets no texts. Nothing is deleted.`;

/** Reads the command's arguments: whose account. Throws a StartProblem of one line when that is missing. */
export function readArguments(args: readonly string[]): string {
  return requireEmail(readCommandLine(args, { usage, about, options: ['email'] }).email, usage);
}

/** What an operator at the terminal can be refused. */
const refusals: Partial<Record<DeactivationRefusal, (email: string) => string>> = {
  gone: (email) => `The account of ${email} was deleted meanwhile.`,
  deactivated_already: (email) => `${email} is deactivated already. Nothing was changed.`,
  last_admin: (email) =>
    `${email} is the last admin who can sign in. Make another first (npm run set-role). Nothing was changed.`,
};

/** Shuts an account. Out: what to say about it. Throws a StartProblem of one line when it may not be, or there is none. */
export async function deactivateUser(database: Db, email: string, now: Date): Promise<string> {
  const user = await requireAccount(database, email);
  const author = { operator: operatorName() };
  const answer = await deactivateAccount(database, { userId: user.id, author }, operatorContext(now));
  if (!answer.ok) {
    throw new StartProblem(refusals[answer.reason]?.(user.email) ?? `Nothing was changed: ${answer.reason}.`);
  }
  return `${user.email} is deactivated, and signed out everywhere.`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, async (email) =>
    console.log(await deactivateUser(db(), email, await readDatabaseClock(db()))),
  );
}
