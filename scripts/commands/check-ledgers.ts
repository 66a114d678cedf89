import { db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import type { LedgerDifference } from '@/db/schema/alarms';
import { explainDifference } from '@/lib/alarms/ledger-kinds';
import { checkAllLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { readCommandLine } from '../command-line';
import { StartProblem } from '../start-problem';
import { runCommand } from './run-command';

const usage = 'npm run check-ledgers';

/** What one part of the check came to, in lines: one where it agrees, else one for each kind of difference and what to do about it. */
function describePart(part: string, came: LedgerDifference[] | 'not_read' | 'taken'): string[] {
  if (came === 'not_read') return [`${part}: could not be read`];
  if (came === 'taken') return [`${part}: is being checked by a dispatcher right now`];
  if (came.length === 0) return [`${part}: agrees`];
  return came.flatMap(({ kind, count, examples }) => {
    const { name, whatToDo } = explainDifference(kind);
    const where = examples.length === 0 ? '' : ` (${examples.join(', ')})`;
    return [`${part}: ${name}, ${count} ${count === 1 ? 'time' : 'times'}${where}`, `  ${whatToDo}`];
  });
}

async function run(): Promise<void> {
  const database = db();
  const bad: string[] = [];
  await checkAllLedgers(database, await readDatabaseClock(database), (part, came) => {
    if (typeof came === 'string' || came.length > 0) bad.push(part);
    for (const line of describePart(part, came)) console.log(line);
  });
  if (bad.length > 0) throw new StartProblem(`Not everything agrees or could be checked: ${bad.join(', ')}.`);
}

await runCommand((args) => {
  readCommandLine(args, {
    usage,
    about:
      'Compares the ledgers of consent and of opt-outs, the texts, the budget and the sums of all days with each other, as\n' +
      'dispatchers do each night, and writes down what it finds: an alarm opens or ends within a minute. Changes nothing else.\n' +
      'Ends with code 1 where something does not agree.',
  });
}, run);
