import { constants } from 'node:os';
import { findEmbeddedDatabase, useEmbeddedDatabase, type EmbeddedDatabase } from './postgres/embedded';
import { dataFolder } from './project-root';
import { loadSettings } from './settings';
import { exitWith, StartProblem } from './start-problem';
import { prepareDatabase, type DatabaseUrls } from './prepare-database';

/**
 * For commands that a person types: loads `.env`, finds the database (starting the embedded one for the duration when it
 * does not run), migrates it or sees that it is current, and runs `run` with the environment settled, so that `env()` and `db()` work. Ends the
 * process with the code that `run` gives (0 if none); an expected problem is one line and code 1. A signal ends it too,
 * after the database that it has started.
 */
export async function withDatabase(run: (urls: DatabaseUrls) => Promise<number | void>): Promise<never> {
  try {
    // A one-line answer to the person; only what is worth knowing about the database goes beside it.
    const settings = loadSettings('production');
    Object.assign(process.env, settings.variables);
    // It begins only once signals are listened for: setting up a new one holds everything else up.
    const starting = settings.isEmbedded
      ? Promise.resolve().then(() => useEmbeddedDatabase(dataFolder, (line) => console.error(line)))
      : null;
    if (starting) releaseOnSignal(starting);
    const embedded = await starting;
    const urls: DatabaseUrls = embedded ?? {
      url: settings.env.databaseUrl,
      ownerUrl: settings.env.databaseOwnerUrl,
    };
    process.env.DATABASE_URL = urls.url;
    let code: number;
    try {
      await prepareDatabase(urls, (line) => console.error(line));
      code = (await run(urls)) ?? 0;
    } finally {
      if (interrupted) await interrupted;
      await (await import('@/db/client')).closeDb();
      await embedded?.release();
    }
    process.exit(code);
  } catch (error) {
    if (interrupted) await interrupted;
    exitWith(error);
  }
}

/** Set by the first signal; ends with the process, so that whatever waits for it does nothing more. */
let interrupted: Promise<never> | undefined;

/**
 * The embedded database is a process of its own, which a signal to us does not reach: it would go on after us. One that
 * is being started when the signal comes has to be known before it can be stopped.
 */
function releaseOnSignal(starting: Promise<EmbeddedDatabase>): void {
  const release = async (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): Promise<never> => {
    const embedded = await starting.catch(() => null);
    await embedded?.release();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void (interrupted ??= release(signal)));
  }
}

/**
 * Settles the environment for a long-running process beside `npm start`: DATABASE_URL, or the embedded database of this
 * checkout if it runs. Starts and migrates nothing; throws a StartProblem with one line when there is no database.
 */
export async function useRunningDatabase(): Promise<void> {
  const settings = loadSettings('production');
  Object.assign(process.env, settings.variables);
  if (!settings.isEmbedded) return;
  const url = await findEmbeddedDatabase(dataFolder);
  if (!url) throw new StartProblem('No database runs: start the app first (npm start), or set DATABASE_URL.');
  process.env.DATABASE_URL = url;
}
