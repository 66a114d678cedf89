import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { projectRoot } from '@/scripts/project-root';
import { findFreePort } from '@/scripts/postgres/server';
import { startThrowawayDatabase } from '@/scripts/postgres/throwaway';
import { startApp } from '@/e2e/support/start-app';
import { startProvider, type Provider } from './provider';

/** All that a bench runs on, and nothing else of this machine. */
export type BenchSystem = {
  appUrl: URL;
  floorUrl: URL;
  authSecret: string;
  databaseUrl: string;
  floorDatabaseUrl: string;
  /** The same database as Doorstep's, by a role of the bench's own, so that what the bench asks is told apart. */
  benchUrl: string;
  provider: Provider;
  /** The processes whose work is told apart. */
  pids: { app: number; database: number; floor: number };
  stop: () => Promise<void>;
};

const floorDatabase = 'bench_floor';
const benchRole = 'bench';

/**
 * Starts a PostgreSQL that flushes to disk, the fake Twilio in this process, the production build as `npm start` does (built first
 * where the sources have changed), and the floor. Stops what has started if something does not.
 */
export async function startSystem(say: (line: string) => void): Promise<BenchSystem> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.reverse()) await each();
    stops.length = 0;
  };
  try {
    say('Starting PostgreSQL …');
    const database = await startThrowawayDatabase({
      isDurable: true,
      settings: {
        max_connections: 100,
        shared_buffers: '256MB',
        shared_preload_libraries: 'pg_stat_statements',
        'pg_stat_statements.max': 5_000,
        // So that an act writes as many bytes whenever it is counted.
        full_page_writes: 'off',
        max_wal_size: '4GB',
        checkpoint_timeout: '30min',
      },
    });
    stops.push(() => database.stop());
    const provider = await startProvider();
    stops.push(provider.stop);

    say('Starting Doorstep, as npm start does …');
    const authSecret = randomBytes(32).toString('base64url');
    const variables = {
      AUTH_SECRET: authSecret,
      SMS_BACKEND: 'twilio',
      TWILIO_ACCOUNT_SID: provider.accountSid,
      TWILIO_AUTH_TOKEN: provider.authToken,
      TWILIO_FROM_PHONE: provider.from,
      TWILIO_API_BASE_URL: provider.url,
      // Neither money nor the sender's pace is what is measured.
      SMS_DAILY_BUDGET_USD: '900000',
      SMS_DAILY_BUDGET_PER_USER_USD: '900000',
      SMS_MESSAGES_PER_SECOND: 'unlimited',
      // Each person comes from an address of their own, as behind a proxy.
      TRUSTED_PROXY_HOPS: '1',
    };
    const port = await findFreePort();
    const appUrl = new URL(`http://localhost:${port}`);
    const app = await startApp('bench.log', {
      port,
      appUrl: appUrl.origin,
      databaseUrl: database.url,
      variables,
    });
    stops.push(app.stop);

    const floorDatabaseUrl = Object.assign(new URL(database.url), { pathname: `/${floorDatabase}` }).href;
    await runOn(database.url, `create database ${floorDatabase}`);
    const password = randomBytes(16).toString('hex');
    await runOn(database.url, `create role ${benchRole} superuser login password '${password}'`);
    const benchUrl = Object.assign(new URL(database.url), { username: benchRole, password }).href;
    const floorPort = await findFreePort();
    const floor = fork(join(projectRoot, 'bench', 'floor-server.ts'), [], {
      cwd: projectRoot,
      execArgv: ['--import', 'tsx'],
      env: {
        ...process.env,
        ...variables,
        NODE_ENV: 'production',
        FLOOR_DATABASE_URL: floorDatabaseUrl,
        PORT: String(floorPort),
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    stops.push(() => end(floor));
    await new Promise<void>((resolve, reject) => {
      floor.once('message', () => resolve());
      floor.once('exit', (code) => reject(new Error(`The floor did not start (code ${code}).`)));
    });
    return {
      appUrl,
      floorUrl: new URL(`http://localhost:${floorPort}`),
      authSecret,
      databaseUrl: database.url,
      floorDatabaseUrl,
      benchUrl,
      provider,
      pids: { app: app.pid, database: database.pid, floor: floor.pid! },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
