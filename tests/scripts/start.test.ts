import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSettings } from '../../scripts/settings';
import { requireSupportedNode } from '../../scripts/supported-node';
import { useDatabase } from '../support/database';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ready = {
  AUTH_SECRET: 'x'.repeat(32),
  APP_URL: '',
  SMS_BACKEND: 'console',
  NODE_ENV: 'test',
  DATABASE_URL: 'postgres://doorstep:hush@127.0.0.1:1/doorstep',
};

async function start(environment: Record<string, string>): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/start.ts'], {
    cwd: root,
    env: { ...process.env, ...ready, ...environment } as NodeJS.ProcessEnv,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, lines: said.trim().split('\n') };
}

const database = useDatabase();
let freePort: string;
const taken = createServer();
beforeAll(async () => {
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  freePort = String((probe.address() as AddressInfo).port);
  await new Promise((resolve) => probe.close(resolve));
});
afterAll(() => new Promise((resolve) => taken.close(resolve)));

test('a taken port stops the start with one line and code 1', async () => {
  const { port } = taken.address() as AddressInfo;
  expect(await start({ PORT: String(port) })).toEqual({
    code: 1,
    lines: [`Port ${port} is taken: stop the program that uses it, or set PORT to another one.`],
  });
});

test('a database that is down stops the start with one line without the password', async () => {
  const { code, lines } = await start({ PORT: freePort });
  expect(code).toBe(1);
  expect(lines).toEqual([
    expect.stringMatching(/^The database at 127\.0\.0\.1:1\/doorstep cannot be reached: .*ECONNREFUSED/),
  ]);
  expect(lines.join()).not.toContain('hush');
});

test('a misconfigured public address stops the start with a line per variable', async () => {
  const { code, lines } = await start({
    APP_URL: 'http://portal.example.com',
    PORT: 'x',
    AUTH_SECRET: 'short',
    TRUSTED_PROXY_HOPS: '',
    SITE_NAME: 'A name of more than 20 characters',
    OPERATOR_NAME: '',
    OPERATOR_CONTACT: '',
  });
  expect(code).toBe(1);
  expect(lines.map((line) => line.split(' ')[0])).toEqual([
    'PORT',
    'APP_URL',
    'AUTH_SECRET',
    'SMS_BACKEND',
    'TRUSTED_PROXY_HOPS',
    'SITE_NAME',
    'OPERATOR_NAME',
    'OPERATOR_CONTACT',
  ]);
});

test('without DATABASE_URL the embedded database serves, and its children get the settled address', () => {
  const settings = readSettings({ AUTH_SECRET: 'local', PORT: '4567' });
  expect(settings.isEmbedded).toBe(true);
  expect(settings.variables).toEqual({
    PORT: '4567',
    APP_URL: 'http://localhost:4567',
    AUTH_SECRET: 'local',
    DATABASE_OWNER_URL: '',
  });
});

test('what serves does not learn the URL of the role that owns the tables', () => {
  const DATABASE_OWNER_URL = 'postgres://owner:hush@db/doorstep';
  const { env, variables } = readSettings({ ...ready, DATABASE_OWNER_URL });
  expect(env.databaseOwnerUrl).toBe(DATABASE_OWNER_URL);
  expect(variables.DATABASE_OWNER_URL).toBe('');
  expect(() => readSettings({ ...ready, DATABASE_URL: '', DATABASE_OWNER_URL })).toThrow(
    'DATABASE_OWNER_URL is set while DATABASE_URL is not: set both or none',
  );
});

test.each([
  ['18.20.0', false],
  ['20.18.3', false],
  ['20.19.0', true],
  ['22.0.0', true],
])('Node %s is supported: %s', (version, isSupported) => {
  if (isSupported) expect(() => requireSupportedNode(version)).not.toThrow();
  else expect(() => requireSupportedNode(version)).toThrow(/^Node .* is too old: .*20\.19/);
});

test('a web server that dies serves again, beside the same dispatcher; the fifth death in a row ends the start', async () => {
  // The launcher as it is, with a web server and a dispatcher that do nothing but live.
  const checkout = mkdtempSync(join(tmpdir(), 'doorstep-start-'));
  chmodSync(checkout, 0o755);
  for (const name of ['scripts', 'lib', 'db', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(checkout, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
  rmSync(join(checkout, 'scripts/commands/seed.ts'), { force: true });
  writeFileSync(
    join(checkout, 'scripts/web.mjs'),
    `import { createServer } from 'node:http';
    createServer((request, response) => response.end(String(process.pid)))
      .listen(Number(process.env.PORT), '127.0.0.1', () => process.send('ready'));
    process.on('disconnect', () => process.exit());`,
  );
  writeFileSync(
    join(checkout, 'scripts/worker.ts'),
    `import { appendFileSync } from 'node:fs';
    appendFileSync('worker-pids', process.pid + ' ');
    process.on('disconnect', () => process.exit());`,
  );
  const launcher = spawn(process.execPath, ['--import', 'tsx', 'scripts/dev.ts'], {
    cwd: checkout,
    env: { ...process.env, ...ready, DATABASE_URL: database.url, PORT: freePort, NODE_ENV: 'development' },
  });
  let said = '';
  for (const stream of [launcher.stdout, launcher.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => launcher.once('close', resolve));
  const readPid = async () =>
    fetch(`http://127.0.0.1:${freePort}/`).then(
      async (response) => Number(await response.text()),
      () => null,
    );
  try {
    let before = 0;
    for (let death = 1; death <= 5; death += 1) {
      await expect.poll(readPid).not.toBeOneOf([null, before]);
      before = (await readPid())!;
      process.kill(before, 'SIGKILL');
    }
    expect(await ended).toBe(1);
    expect(said).toContain('The web server ended unexpectedly (SIGKILL); it starts again in 1 s.\n');
    expect(said).toContain('The web server serves again.\n');
    expect(said).toContain('The web server ended unexpectedly (SIGKILL), 5 times in a row.\n');
    expect(said.match(/Doorstep is ready/g)).toHaveLength(1);
    expect(readFileSync(join(checkout, 'worker-pids'), 'utf8').trim().split(' ')).toHaveLength(1);
  } finally {
    launcher.kill('SIGKILL');
    rmSync(checkout, { recursive: true, force: true });
  }
});
