import { pathToFileURL } from 'node:url';
import { db, type Db } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { env } from '@/lib/env';
import { dropList, letThrough, listAside } from '@/lib/sms/delivery/lists-aside';
import { openProvider } from '@/lib/sms/provider/open-provider';
import type { Provider } from '@/lib/sms/provider/provider';
import { readCommandLine } from '../command-line';
import { StartProblem } from '../start-problem';
import { operatorContext, operatorName } from './operator';
import { runCommand } from './run-command';

const usage = 'npm run carrier-lists -- [--mark YYYY-MM-DD | --drop YYYY-MM-DD]';
const about = `Shows the carriers' lists of numbers out of service that were put aside, since they would have put too
many of the numbers here in doubt. --mark reads that day's list again and marks all of them: their holders get
no updates until they enter a code. --drop leaves them as they are, and the list is not read again.`;

/** What to do, and about which day; without a day: show what waits. */
type Wish = { do: 'show' } | { do: 'mark' | 'drop'; day: string };

/** Reads the command's arguments. Throws a StartProblem of one line for a day that is none, and for both options at once. */
export function readArguments(args: readonly string[]): Wish {
  const { mark, drop } = readCommandLine(args, { usage, about, options: ['mark', 'drop'] });
  const day = mark ?? drop;
  if (day === undefined) return { do: 'show' };
  if (mark !== undefined && drop !== undefined) throw new StartProblem(`Give one of both. Usage: ${usage}`);
  const isDay = /^\d{4}-\d\d-\d\d$/.test(day) && !Number.isNaN(Date.parse(`${day}T00:00:00Z`));
  if (!isDay) throw new StartProblem(`'${day}' is no day such as 2026-11-30. Usage: ${usage}`);
  return { do: mark === undefined ? 'drop' : 'mark', day };
}

/** Does what was wished for. Out: what to say about it, in lines. Throws a StartProblem of one line where it cannot be done. */
export async function seeToLists(
  { db: database, provider }: { db: Db; provider: Provider },
  wish: Wish,
  now: Date,
): Promise<string> {
  if (wish.do === 'show') return show(database);
  const context = operatorContext(now);
  const noneWaits = () => new StartProblem(`No list of ${wish.day} was put aside.`);
  if (wish.do === 'drop') {
    if (!(await dropList(database, wish.day, operatorName(), context))) throw noneWaits();
    return `The list of ${wish.day} is dropped. No number was marked.`;
  }
  const read = await letThrough({ db: database, provider }, wish.day, operatorName(), context);
  if (read.ok)
    return `The list of ${wish.day} is let through. Newly in doubt: ${read.marked.toLocaleString('en-US')}.`;
  if (read.reason === 'not_aside') throw noneWaits();
  throw new StartProblem(
    read.reason === 'too_old'
      ? `Twilio keeps the list of ${wish.day} no longer. Drop it.`
      : `The list of ${wish.day} could not be read. Nothing was marked; try again later.`,
  );
}

async function show(database: Db): Promise<string> {
  const lists = await listAside(database);
  if (lists.length === 0) return 'No list was put aside.';
  const many = (count: number) => count.toLocaleString('en-US');
  return lists
    .map(
      ({ day, count, wouldMark, held }) =>
        `${day}: ${many(count)} numbers, of which ${many(wouldMark)} of the ${many(held)} that people hold here would be in doubt`,
    )
    .join('\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await runCommand(readArguments, async (wish) => {
    const work = { db: db(), provider: await openProvider(env()) };
    console.log(await seeToLists(work, wish, await readDatabaseClock(db())));
  });
}
