import { pathToFileURL } from 'node:url';
import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import type { Role } from '@/db/schema/accounts';
import { changeRole, type RoleRefusal } from '@/lib/auth/admin/change-role';
import { readCommandLine, requireEmail } from '../command-line';
import { sayEnrollLink } from './enroll-words';
import { operatorContext, operatorName } from './operator';
import { requireAccount } from './require-account';
import { readRole, roles } from './roles';
import { runCommand } from './run-command';
import { StartProblem } from '../start-problem';

const usage = `npm run set-role -- --email … --role ${roles.join('|')}`;
const about = `Gives someone another role. They are signed out everywhere, and sign in again for it. Where the role asks for a second
factor and they hold none, prints a link to set it up.`;

export type RoleChange = { email: string; role: Role };

/** Reads the command's arguments. Throws a StartProblem of one line that says what is missing or wrong. */
export function readArguments(args: readonly string[]): RoleChange {
  const values = readCommandLine(args, { usage, about, options: ['email', 'role'] });
  return { email: requireEmail(values.email, usage), role: readRole(values.role, usage) };
}

/** What an operator at the terminal can be refused. */
const refusals: Partial<Record<RoleRefusal, (email: string, role: Role) => string>> = {
  gone: (email) => `The account of ${email} was deleted meanwhile.`,
  deactivated: (email) => `${email} is deactivated. Nothing was changed.`,
  same_role: (email, role) => `${email} has the role ${role} already. Nothing was changed.`,
  last_admin: (email) =>
    `${email} is the last admin who can sign in. Make another first (npm run set-role). Nothing was changed.`,
};

/** Gives someone another role. Out: what to say about it. Throws a StartProblem of one line when that may not be. */
export async function setRole(database: Db, { email, role }: RoleChange, now: Date): Promise<string> {
  const user = await requireAccount(database, email);
  const change = { userId: user.id, role, author: { operator: operatorName() } };
  const answer = await changeRole(database, change, operatorContext(now));
  if (!answer.ok) {
    throw new StartProblem(
      refusals[answer.reason]?.(user.email, role) ?? `Nothing was changed: ${answer.reason}.`,
    );
  }
  const said = [`${user.email} has the role ${role} now, and had the role ${answer.from}.`];
  if (!answer.isEmailProven && role !== 'applicant') {
    said.push('Nobody has confirmed this email: make sure that the account is theirs.');
  }
  if (answer.enroll !== null) said.push(sayEnrollLink(answer.enroll));
  return said.join(' ');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, async (change) =>
    console.log(await setRole(db(), change, await readDatabaseClock(db()))),
  );
}
