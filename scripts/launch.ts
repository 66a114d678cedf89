import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buildIfNeeded, holdBuild } from './build';
import { keepRunning } from './keep-running';
import { useEmbeddedDatabase, type EmbeddedDatabase } from './postgres/embedded';
import { dataFolder, projectRoot } from './project-root';
import type { Mode, Settings } from './settings';
import { exitWith, oneLine, StartProblem } from './start-problem';
import { findMigrator, migrateAs, type DatabaseUrls } from './prepare-database';

const hurryAfterMs = 500;
const pauses = { firstMs: 1_000, mostMs: 30_000, healthyMs: 60_000 };
/** Without the dispatcher people can still sign in. Without the web server, whatever started us should know. */
const workerRules = { ...pauses, name: 'The message dispatcher', mostDeaths: null };
const webRules = { ...pauses, name: 'The web server', mostDeaths: 5 };

/**
 * Starts everything and stays: database, build, migrations (where its role may), then the web server and the message dispatcher
 * as two processes whose output is ours. Ends the process: with 0 after Ctrl-C or SIGTERM (web and dispatcher finish what they
 * have begun, then the database stops; asked twice, it hurries), with 1 after a problem. A web server or dispatcher that dies is
 * started again, after a pause; with 1 it ends when the web server never served, or died five times in a row.
 */
export function launch(mode: Mode, settings: Settings): void {
  const say = (line: string): void => console.log(line);
  const aborted = new AbortController();
  const { signal } = aborted;
  const children = new Map<'web' | 'worker', ChildProcess>();
  let embedded: EmbeddedDatabase | undefined;
  const running: { stop: () => void }[] = [];
  let stoppedAt = 0;

  const begin = async (): Promise<void> => {
    await checkPort(settings.env.port, settings.env.isPublic);
    if (settings.isEmbedded) {
      embedded = await useEmbeddedDatabase(dataFolder, say);
      watchDatabase(embedded);
    }
    const urls: DatabaseUrls = embedded ?? {
      url: settings.env.databaseUrl,
      ownerUrl: settings.env.databaseOwnerUrl,
    };
    if (signal.aborted) return;
    const migrator = await findMigrator(urls);
    if (migrator === 'same_role') {
      say('One database role owns the tables and serves; DATABASE_OWNER_URL would keep the two apart.');
    }
    if (signal.aborted) return;
    // Before the database changes: a build that fails leaves the release that serves with the schema it knows.
    if (mode === 'production') await buildIfNeeded(say, signal);
    if (signal.aborted) return;
    await migrateAs(migrator, urls, say);
    const environment = {
      ...process.env,
      ...settings.variables,
      DATABASE_URL: urls.url,
      NODE_ENV: mode,
      NEXT_TELEMETRY_DISABLED: '1',
    };
    if (mode === 'development') await seedDemo(environment, signal);
    if (signal.aborted) return;
    startWeb(environment);
    startWorker(environment);
  };

  const watchDatabase = (database: EmbeddedDatabase): void => {
    setInterval(() => {
      if (stoppedAt > 0 || database.isRunning()) return;
      console.error(`The embedded PostgreSQL ended unexpectedly: see ${database.home}/server.log`);
      stop(1).catch(exitWith);
    }, 2_000).unref();
  };

  const startWeb = (environment: NodeJS.ProcessEnv): void => {
    let hasServed = false;
    const start = (): ChildProcess => {
      const web = startChild('web.mjs', [], environment);
      follow('web', web);
      if (mode === 'production' && web.pid !== undefined) holdBuild(web.pid);
      web.once('message', () => {
        if (hasServed) say('The web server serves again.');
        else announce(settings, say);
        hasServed = true;
      });
      return web;
    };
    const giveUp = (): void => void stop(1).catch(exitWith);
    const canStart = (): boolean => hasServed;
    running.push(keepRunning(start, { ...webRules, canStart }, { say: complain, onGivenUp: giveUp }));
  };

  const follow = (name: 'web' | 'worker', child: ChildProcess): void => {
    children.set(name, child);
    child.once('exit', () => children.delete(name));
  };

  const complain = (line: string): void => console.error(line);

  const startWorker = (environment: NodeJS.ProcessEnv): void => {
    const start = (): ChildProcess => {
      const worker = startChild('worker.ts', ['--import', 'tsx'], environment);
      follow('worker', worker);
      return worker;
    };
    running.push(keepRunning(start, workerRules, { say: complain, onGivenUp: () => undefined }));
  };

  const stop = async (code: number): Promise<never> => {
    stoppedAt = Date.now();
    aborted.abort();
    for (const { stop: leave } of running) leave();
    // What was being started when the signal came must be known before it can be stopped.
    await beginning.catch(() => undefined);
    await Promise.all([...children.values()].map(endChild));
    await embedded?.release();
    process.exit(code);
  };

  const hurry = async (): Promise<never> => {
    for (const child of children.values()) child.kill('SIGKILL');
    await embedded?.release();
    process.exit(1);
  };

  const askToStop = (): void => {
    if (stoppedAt > 0) return;
    say('Stopping …');
    stop(0).catch(exitWith);
  };
  // Whoever read what we print may be gone: ending in order matters more than the lines that nobody sees.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (stoppedAt === 0) askToStop();
      else if (Date.now() - stoppedAt > hurryAfterMs) {
        // Any sooner it is the same Ctrl-C, which npm hands on a second time.
        hurry().catch(exitWith);
      }
    });
  }

  // npm passes a signal to the shell between us, which may die of it without telling us.
  if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    setInterval(() => {
      if (process.ppid !== parent) askToStop();
    }, 500).unref();
  }

  const beginning = begin();
  beginning.catch((error: unknown) => {
    if (stoppedAt > 0) return;
    if (error instanceof StartProblem) console.error(error.message);
    else console.error(error);
    stop(1).catch(exitWith);
  });
}

function announce({ env }: Settings, say: (line: string) => void): void {
  const { origin } = env.appUrl;
  say('');
  say('Doorstep is ready:');
  say(`  register   ${origin}/users/register/applicant`);
  say(`  sign in    ${origin}/users/login`);
  if (env.smsBackend === 'console') {
    say(`  texts      ${origin}/dev/phone, and here in the terminal as lines that begin with [sms]`);
  }
  if (env.mail.via === 'console') {
    say(`  mail       ${origin}/dev/mail, and here in lines that begin with [mail]`);
  }
  if (env.mail.via === 'off') {
    say('Mail is off because SMTP_URL is unset: nobody is asked to confirm an email address.');
  }
  say('Ctrl-C stops it.');
  say('');
}

function startChild(file: string, execArgv: string[], environment: NodeJS.ProcessEnv): ChildProcess {
  return fork(join(projectRoot, 'scripts', file), ['--launched'], {
    cwd: projectRoot,
    env: environment,
    execArgv,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  // Beyond the time that web server and dispatcher give themselves.
  const patience = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(patience);
}

async function checkPort(port: number, isPublic: boolean): Promise<void> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen({ port, ...(isPublic ? {} : { host: '127.0.0.1' }) }, resolve);
  }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new StartProblem(
        `Port ${port} is taken: stop the program that uses it, or set PORT to another one.`,
      );
    }
    throw new StartProblem(
      `Port ${port} cannot be used (${code ?? oneLine(error)}): set PORT to another one.`,
    );
  });
  await new Promise((resolve) => probe.close(resolve));
}

const seedFile = 'commands/seed.ts';

async function seedDemo(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  if (!existsSync(join(projectRoot, 'scripts', seedFile))) return;
  const seeding = startChild(seedFile, ['--import', 'tsx'], environment);
  const end = (): unknown => seeding.kill('SIGTERM');
  signal.addEventListener('abort', end);
  const code = await new Promise((resolve) => seeding.once('exit', resolve));
  signal.removeEventListener('abort', end);
  if (code !== 0) throw new StartProblem('The demo data could not be written; see above.');
}
