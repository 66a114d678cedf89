import { fork, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startThrowawayDatabase } from '../../scripts/postgres/throwaway';
import { announceRun } from './run';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Settings of a developer's own `.env` that must not reach the tests: no text may leave the machine. */
const settings = {
  SMS_BACKEND: 'console',
  TWILIO_ACCOUNT_SID: '',
  TWILIO_AUTH_TOKEN: '',
  TWILIO_FROM_PHONE: '',
  TWILIO_MESSAGING_SERVICE_SID: '',
  TWILIO_API_BASE_URL: '',
  UPSTASH_REDIS_REST_URL: '',
  UPSTASH_REDIS_REST_TOKEN: '',
  SMS_COUNTRIES: '',
  SMS_MESSAGES_PER_SECOND: '',
  SMS_PRICE_PER_SEGMENT_USD: '',
  SMS_DAILY_BUDGET_PER_USER_USD: '',
  SMS_DAILY_BUDGET_USD: '1000',
  TRUSTED_PROXY_HOPS: '',
  LOG_LEVEL: '',
  OPERATOR_NAME: 'Example Housing, Inc.',
  OPERATOR_CONTACT: 'help@example.com',
  AUTH_SECRET: 'a secret of the browser tests, worth nothing anywhere else',
};

/**
 * Starts, once per run, a throw-away PostgreSQL and the production build on it, the way `npm start` does. All that the
 * app prints goes to one file, where tests read the texts. Out: what stops both.
 */
export default async function startApp(): Promise<() => Promise<void>> {
  const serverLog = join(root, 'test-results', 'server.log');
  mkdirSync(dirname(serverLog), { recursive: true });
  writeFileSync(serverLog, '');
  const database = await startThrowawayDatabase();
  try {
    const port = await findFreePort();
    const appUrl = `http://localhost:${port}`;
    const app = fork(join(root, 'e2e', 'support', 'app.ts'), {
      cwd: root,
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, ...settings, DATABASE_URL: database.url, PORT: String(port), APP_URL: appUrl },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    await waitUntilReady(app, serverLog);
    announceRun({ appUrl, databaseUrl: database.url, serverLog });
    return async () => {
      await endProcess(app);
      await database.stop();
    };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function waitUntilReady(app: ChildProcess, serverLog: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let printed = '';
    app.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      appendFileSync(serverLog, chunk);
      printed += chunk;
      if (printed.includes('Doorstep is ready')) resolve();
    });
    app.stderr?.on('data', (chunk: Buffer) => appendFileSync(serverLog, chunk));
    app.once('error', reject);
    app.once('exit', (code, signal) => {
      reject(
        new Error(`The app did not start (${signal ?? `code ${code}`}):\n${readFileSync(serverLog, 'utf8')}`),
      );
    });
  });
}

async function endProcess(app: ChildProcess): Promise<void> {
  if (app.exitCode !== null || app.signalCode !== null) return;
  const ended = new Promise((resolve) => app.once('exit', resolve));
  app.kill('SIGTERM');
  await ended;
}
