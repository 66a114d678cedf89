import { pathToFileURL } from 'node:url';
import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { endAllSessions } from '@/lib/auth/admin/end-all-sessions';
import { readCommandLine, requireEmail } from '../command-line';
import { operatorContext, operatorName } from './operator';
import { requireAccount } from './require-account';
import { runCommand } from './run-command';
import { StartProblem } from '../start-problem';

const usage = 'npm run end-sessions -- --email …';
const about = `Signs someone out everywhere. Whoever knows the password can sign in again: where someone else may know it, set
a new one instead (npm run set-password), which ends the sessions too.`;

/** Reads the command's arguments: whose sessions end. Throws a StartProblem of one line when that is missing. */
export function readArguments(args: readonly string[]): string {
  return requireEmail(readCommandLine(args, { usage, about, options: ['email'] }).email, usage);
}

/** Signs someone out everywhere. Out: what to say about it. Throws a StartProblem of one line when there is no account. */
export async function endSessions(database: Db, email: string, now: Date): Promise<string> {
  const user = await requireAccount(database, email);
  const author = { operator: operatorName() };
  const ended = await endAllSessions(database, { userId: user.id, author }, operatorContext(now));
  if (!ended.ok) throw new StartProblem(`The account of ${user.email} was deleted meanwhile.`);
  return `${user.email} is signed out everywhere (${ended.ended} ${ended.ended === 1 ? 'session' : 'sessions'}).`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, async (email) =>
    console.log(await endSessions(db(), email, await readDatabaseClock(db()))),
  );
}
