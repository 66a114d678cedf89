import { Client } from 'pg';
import { db as openDb } from '@/db/client';
import { readDatabaseClock } from '@/db/clock';
import { env } from '@/lib/env';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { readCommandLine } from '../command-line';
import { mostPeople } from '../history/people';
import type { HistorySize } from '../history/plan-history';
import { isGenerated, writeHistory } from '../history/write-history';
import type { DatabaseUrls } from '../prepare-database';
import { StartProblem } from '../start-problem';
import { runCommand } from './run-command';

const usage = 'npm run generate -- [--people 10000] [--messages 100000] [--days 90]';

const limits = {
  people: { least: 100, usual: 10_000, most: mostPeople },
  messages: { least: 1_000, usual: 100_000, most: 20_000_000 },
  days: { least: 7, usual: 90, most: 730 },
} as const;

function readArguments(args: readonly string[]): HistorySize {
  const given = readCommandLine(args, {
    usage,
    about:
      'Fills a database with a made-up history, for trying it at size: people, texts, codes, attempts and\n' +
      'opt-outs, with busy days, quiet nights, carriers in trouble and a night of robots. Nothing of it is\n' +
      'ever sent. Refuses on a public APP_URL, and where it ran before.',
    options: ['people', 'messages', 'days'],
  });
  return {
    people: readCount('people', given.people),
    messages: readCount('messages', given.messages),
    days: readCount('days', given.days),
  };
}

function readCount(name: keyof typeof limits, given: string | undefined): number {
  const { least, usual, most } = limits[name];
  if (given === undefined) return usual;
  const count = /^\d{1,9}$/.test(given) ? Number(given) : NaN;
  if (count >= least && count <= most) return count;
  const say = (value: number) => value.toLocaleString('en-US');
  throw new StartProblem(
    `--${name}: '${given}' is no whole number from ${say(least)} to ${say(most)}. Usage: ${usage}`,
  );
}

async function run(size: HistorySize, { url, ownerUrl }: DatabaseUrls): Promise<void> {
  if (env().isPublic) {
    throw new StartProblem(
      `Made-up people do not belong in a database that is in use, and APP_URL is public (${env().appUrl.origin}): nothing was written.`,
    );
  }
  const now = await readDatabaseClock(openDb());
  const client = new Client({ connectionString: ownerUrl ?? url });
  await client.connect();
  try {
    if (await isGenerated(client)) {
      throw new StartProblem('A history was generated in this database before: nothing was written.');
    }
    await writeHistory(client, size, { now, say: console.log });
  } finally {
    await client.end();
  }
  console.log('Adding up the days');
  while ((await rollUpDays(openDb(), now, 10)) > 0);
  console.log('Done. See /admin; npm run seed writes an admin who can sign in.');
}

await runCommand(readArguments, run);
