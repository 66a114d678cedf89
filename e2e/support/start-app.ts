import { fork, type ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the apps of a run keep what they print. */
export const logFolder = join(root, 'test-results');

/** What the running app seals and signs with. */
export const authSecret = 'a secret of the browser tests, worth nothing anywhere else';

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
  BREACHED_PASSWORDS_URL: '',
  ALERT_WEBHOOK_URL: '',
  ALERT_WEBHOOK_SECRET: '',
  SMS_COUNTRIES: '',
  SMS_MESSAGES_PER_SECOND: '',
  SMS_PRICE_PER_SEGMENT_USD: '',
  SMS_DAILY_BUDGET_PER_USER_USD: '',
  SMS_DAILY_BUDGET_USD: '1000',
  TRUSTED_PROXY_HOPS: '',
  DATABASE_OWNER_URL: '',
  LOG_LEVEL: '',
  METRICS_TOKEN: '',
  SITE_NAME: '',
  SITE_TAGLINE: '',
  SITE_LOGO: '',
  SITE_ACCENT_COLOR: '',
  NEXT_STEP_URL: '',
  NEXT_STEP_LABEL: '',
  OPERATOR_NAME: 'Example Housing, Inc.',
  OPERATOR_CONTACT: 'help@example.com',
  AUTH_SECRET: authSecret,
};

export type AppOptions = {
  port: number;
  appUrl: string;
  databaseUrl: string;
  /** Beside or instead of the tests' own. */
  variables?: Record<string, string>;
};

export type RunningApp = {
  /** The file with all that it prints. */
  serverLog: string;
  /** The launcher's process; web server and dispatcher are below it. */
  pid: number;
  /** Ends it as Ctrl-C does; resolves when it is gone. */
  stop: () => Promise<void>;
};

/**
 * Starts the production build the way `npm start` does, and resolves when it is ready. What it prints goes to a file of
 * this name in `test-results/`. It ends by itself when the calling process is gone, however that ended.
 */
export async function startApp(
  logName: string,
  { port, appUrl, databaseUrl, variables = {} }: AppOptions,
): Promise<RunningApp> {
  const serverLog = join(logFolder, logName);
  mkdirSync(logFolder, { recursive: true });
  writeFileSync(serverLog, '');
  const app = fork(join(root, 'e2e', 'support', 'app.ts'), {
    cwd: root,
    execArgv: ['--import', 'tsx'],
    env: {
      ...process.env,
      ...settings,
      ...variables,
      DATABASE_URL: databaseUrl,
      PORT: String(port),
      APP_URL: appUrl,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  await waitUntilReady(app, serverLog);
  return { serverLog, pid: app.pid!, stop: () => endProcess(app) };
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
