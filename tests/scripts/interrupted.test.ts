import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { findEmbeddedDatabase } from '../../scripts/postgres/embedded';
import { fileOfCommand } from './support/run-script';

// Making a database takes a second or two, and on a machine that is busy with much else a minute.
const databaseMs = 120_000;
vi.setConfig({ testTimeout: 2 * databaseMs });

const root = fileURLToPath(new URL('../..', import.meta.url));
// A checkout of its own, for the database of this one may be someone's.
const checkout = mkdtempSync(join(tmpdir(), 'doorstep-interrupted-'));
const dataFolder = join(checkout, '.data');
const users = () => readdirSync(join(dataFolder, 'users'));
let running: ChildProcess | undefined;

beforeAll(() => {
  // Started by root, the database runs as another user, who must be able to pass.
  chmodSync(checkout, 0o755);
  for (const name of ['scripts', 'lib', 'db', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
});
afterEach(async () => {
  // What a test left running would be counted by the next as its own.
  if (running?.exitCode !== null || running.signalCode !== null) return;
  running.kill('SIGTERM');
  await once(running, 'close');
});
afterAll(() => rmSync(checkout, { recursive: true, force: true }));

test.each([
  ['create-user', 'SIGHUP'],
  ['create-user', 'SIGINT'],
  ['set-password', 'SIGTERM'],
] as const)('%s at its password, ended by %s, leaves no database running', async (command, signal) => {
  const args = [
    '--email',
    'a@example.com',
    ...(command === 'create-user' ? ['--name', 'A', '--role', 'admin'] : []),
  ];
  if (command === 'set-password') await createAccount();
  const child = start(command, args);
  await vi.waitFor(async () => expect(await findEmbeddedDatabase(dataFolder)).not.toBeNull(), {
    timeout: databaseMs,
    interval: 50,
  });
  await vi.waitFor(() => expect(users()).toEqual([String(child.pid)]), { timeout: databaseMs });
  // Long enough to be past the migration and to wait for the password.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  child.kill(signal);
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code).toBe(128 + constants.signals[signal]);
  expect(await findEmbeddedDatabase(dataFolder)).toBeNull();
  expect(users()).toEqual([]);
});

test('a signal while the database is being started leaves none running either', async () => {
  const child = start('sms-status', ['a@example.com']);
  await vi.waitFor(() => expect(readdirSync(dataFolder)).toContain('lock'), {
    timeout: databaseMs,
    interval: 5,
  });
  child.kill('SIGTERM');
  const [code] = (await once(child, 'close')) as [number | null];
  expect(code).toBe(128 + constants.signals.SIGTERM);
  expect(await findEmbeddedDatabase(dataFolder)).toBeNull();
  expect(users()).toEqual([]);
});

function start(command: string, args: readonly string[]) {
  running = spawn(process.execPath, ['--import', 'tsx', fileOfCommand(command), ...args], {
    cwd: checkout,
    env: {
      ...process.env,
      DATABASE_URL: '',
      AUTH_SECRET: 'x'.repeat(32),
      APP_URL: '',
      SMS_BACKEND: 'console',
    },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return running;
}

async function createAccount(): Promise<void> {
  const child = start('create-user', ['--email', 'a@example.com', '--name', 'A', '--role', 'admin']);
  child.stdin!.end('violet kettle mosaic\n');
  expect(await once(child, 'close')).toEqual([0, null]);
}
