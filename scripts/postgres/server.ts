import { spawn, spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { StartProblem } from '../start-problem';
import { processBirth, processCommand } from './process-birth';
import type { SystemUser } from './system-user';

/** A PostgreSQL server of ours that answers. */
export type Server = { pid: number; birth: string; url: string };

export type ServerOptions = {
  /** Holds the server's `cluster/` (data and password) and its log; belongs to `user`. */
  home: string;
  binaries: string;
  user: SystemUser | null;
  /** `-c` settings beyond ours. */
  settings?: Record<string, string | number>;
  /** Leaves out flushing to disk: only for what is thrown away. */
  throwaway?: boolean;
};

const superuser = 'doorstep';
const runningRole = 'doorstep_running';
const database = 'doorstep';

// Nothing of our own environment (PGDATA, PGPORT, LANG …) may steer the server.
const cleanEnvironment: NodeJS.ProcessEnv = {
  NODE_ENV: 'production',
  PATH: '/usr/bin:/bin',
  LC_ALL: 'C',
  HOME: '/',
};

/** Makes the data folder if there is none; an interrupted attempt leaves nothing that looks finished. */
export function createCluster({ home, binaries, user, throwaway = false }: ServerOptions): void {
  const finished = join(home, 'cluster');
  if (existsSync(join(finished, 'data', 'PG_VERSION'))) return;
  const unfinished = join(home, `cluster.${process.pid}.tmp`);
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  const passwordFile = join(unfinished, 'password');
  writeFileSync(passwordFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  if (user) {
    chownSync(unfinished, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  const made = spawnSync(
    join(binaries, 'bin', 'initdb'),
    [
      `--pgdata=${join(unfinished, 'data')}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(throwaway ? ['--no-sync'] : []),
    ],
    { cwd: '/', env: cleanEnvironment, encoding: 'utf8', ...user },
  );
  if (made.status !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    const why = made.error?.message ?? made.stderr.trim().split('\n').at(-1) ?? '';
    throw new StartProblem(`The embedded PostgreSQL could not be set up in ${home}: ${why}`);
  }
  renameSync(unfinished, finished);
}

/**
 * The server that already runs on this data folder, once it answers; null when none does. Changes nothing: a server that
 * is about to start has its pid file for a moment without a word in it, and without its pid file it would end itself.
 */
export async function findRunningServer(home: string): Promise<Server | null> {
  const noted = readPidFile(home);
  if (!noted) return null;
  const birth = processBirth(noted.pid);
  if (birth === null || !processCommand(noted.pid).includes(dataPath(home))) return null;
  const server = { pid: noted.pid, birth, url: serverUrl(home, noted.port) };
  if (await waitUntilAnswering(server, 30_000)) return server;
  if (!isRunning(server)) return null;
  throw new StartProblem(
    `The embedded PostgreSQL of this folder (process ${noted.pid}) runs but does not answer: end it and try again.`,
  );
}

/**
 * Starts a server on a finished data folder on which none runs, in its own session so that a Ctrl-C in the terminal
 * passes it by.
 */
export async function launchServer(options: ServerOptions): Promise<Server> {
  const { home, binaries, user, settings = {}, throwaway = false } = options;
  // Left by a crash, its number may be another program's by now, or a dead server's that nobody has reaped: PostgreSQL
  // would take either for a living one.
  rmSync(pidFile(home), { force: true });
  const logFile = join(home, 'server.log');
  if ((statSync(logFile, { throwIfNoEntry: false })?.size ?? 0) > 5_000_000) truncateSync(logFile);
  const giveUpAt = Date.now() + 60_000;
  for (;;) {
    const port = await findFreePort();
    const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    const log = openSync(logFile, 'a', 0o600);
    const all = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      timezone: 'UTC',
      log_timezone: 'UTC',
      max_connections: 100,
      ...(throwaway ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
      ...settings,
    };
    const child = spawn(
      join(binaries, 'bin', 'postgres'),
      ['-D', dataPath(home), ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { cwd: '/', env: cleanEnvironment, detached: true, stdio: ['ignore', log, log], ...user },
    );
    closeSync(log);
    const failure = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', () => resolve(''));
    });
    child.unref();
    const pid = child.pid ?? 0;
    const server = { pid, birth: processBirth(pid) ?? '', url: serverUrl(home, port) };
    if (pid > 0 && (await waitUntilAnswering(server, 60_000))) {
      await createDatabase(server.url);
      return server;
    }
    if (isRunning(server)) {
      process.kill(pid, 'SIGQUIT');
      throw new StartProblem(`The embedded PostgreSQL did not answer within a minute: see ${logFile}`);
    }
    const said = readFileSync(logFile, 'utf8').slice(logStart);
    // The port can be taken between our look and its start; a killed server's own children need a moment to notice.
    const passing = /could not bind|shared memory block .* still in use/.test(said);
    if (!passing || Date.now() > giveUpAt) {
      const why = (await failure) || (/FATAL: {2}(.*)/.exec(said)?.[1] ?? `see ${logFile}`);
      throw new StartProblem(`The embedded PostgreSQL does not start: ${why}`);
    }
    await delay(200);
  }
}

/** Ends a server: its clients are cut off and the data is flushed; answers when the process is gone. */
export async function stopServer(server: Server, { hurry = false } = {}): Promise<void> {
  for (const [signal, patienceMs] of [
    [hurry ? 'SIGQUIT' : 'SIGINT', 30_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!isRunning(server)) return;
    try {
      process.kill(server.pid, signal);
    } catch {
      return;
    }
    const giveUpAt = Date.now() + patienceMs;
    while (isRunning(server) && Date.now() < giveUpAt) await delay(20);
  }
}

export function isRunning(server: Server): boolean {
  return processBirth(server.pid) === server.birth;
}

/** A TCP port of the loopback that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no TCP port was given out');
  return address.port;
}

/** The same database for the role that serves: its password follows from the superuser's, and not the other way round. */
export function runningUrl({ url }: Server): string {
  const running = new URL(url);
  running.username = runningRole;
  running.password = createHmac('sha256', running.password).update(runningRole).digest('hex');
  return running.href;
}

/** Makes the role that serves, which owns nothing; the migration lets it read and write. */
export async function createRunningRole(server: Server): Promise<void> {
  const { password } = new URL(runningUrl(server));
  await withMaintenanceClient(server.url, async (client) => {
    const { rowCount } = await client.query('select from pg_roles where rolname = $1', [runningRole]);
    await client.query(
      `${rowCount === 0 ? 'create' : 'alter'} role ${runningRole} login password ${client.escapeLiteral(password)}`,
    );
  });
}

function dataPath(home: string): string {
  return join(realpathSync(home), 'cluster', 'data');
}

function pidFile(home: string): string {
  return join(home, 'cluster', 'data', 'postmaster.pid');
}

function readPidFile(home: string): { pid: number; port: number } | null {
  try {
    const lines = readFileSync(pidFile(home), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function serverUrl(home: string, port: number): string {
  const password = readFileSync(join(home, 'cluster', 'password'), 'utf8');
  return `postgres://${superuser}:${password}@127.0.0.1:${port}/${database}`;
}

async function waitUntilAnswering(server: Server, patienceMs: number): Promise<boolean> {
  const giveUpAt = Date.now() + patienceMs;
  while (isRunning(server) && Date.now() < giveUpAt) {
    try {
      await withMaintenanceClient(server.url, (client) => client.query('select 1'));
      return true;
    } catch (error) {
      // 28P01: it answers, but the password was changed or lost; waiting would not help.
      if ((error as { code?: string }).code === '28P01') {
        throw new StartProblem('The embedded PostgreSQL refuses the password kept beside its data.');
      }
      await delay(40);
    }
  }
  return false;
}

async function createDatabase(url: string): Promise<void> {
  await withMaintenanceClient(url, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
    if (rowCount === 0) await client.query(`create database ${database}`);
  });
}

async function withMaintenanceClient<T>(url: string, run: (client: Client) => Promise<T>): Promise<T> {
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  const client = new Client({ connectionString: maintenance.href, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await run(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
