import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { findEmbeddedDatabase, useEmbeddedDatabase } from '../../scripts/postgres/embedded';
import { processBirth } from '../../scripts/postgres/process-birth';

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

async function hold(...args: string[]): Promise<{ child: ChildProcess; url: string; pid: number }> {
  const program = fileURLToPath(new URL('./support/hold-database.ts', import.meta.url));
  const child = fork(program, args, { execArgv: ['--import', 'tsx'] });
  const [message] = (await once(child, 'message')) as [{ url: string; pid: number }];
  return { child, ...message };
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

const quiet = (): void => undefined;

describe('the embedded database', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'doorstep-embedded-'));
  const dataFolder = join(checkout, '.data');
  // Started by root, the database runs as another user, who must be able to pass.
  beforeAll(() => chmodSync(checkout, 0o755));
  afterAll(() => rmSync(checkout, { recursive: true, force: true }));

  const pidFile = (): string => join(dataFolder, 'postgres', 'cluster', 'data', 'postmaster.pid');
  const serverPid = (): number => Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);

  test('is UTF-8 with a password that only its owner may read, and keeps what is written after a stop', async () => {
    const first = await useEmbeddedDatabase(dataFolder, quiet);
    expect(await query(first.ownerUrl, 'show server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
    await query(first.ownerUrl, 'create table kept (id int); insert into kept values (1)');
    const wrong = new URL(first.ownerUrl);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
    expect(statSync(join(dataFolder, 'postgres', 'cluster', 'password')).mode & 0o777).toBe(0o600);
    expect(await query(first.url, 'select current_user::text as name')).toEqual([
      { name: 'doorstep_running' },
    ]);
    await expect(query(first.url, 'drop table kept')).rejects.toMatchObject({ code: '42501' });
    expect(new URL(first.url).password).not.toBe(new URL(first.ownerUrl).password);
    const pid = serverPid();
    await first.release();
    expect(processBirth(pid)).toBeNull();
    expect(await findEmbeddedDatabase(dataFolder)).toBeNull();

    const second = await useEmbeddedDatabase(dataFolder, quiet);
    expect(await query(second.ownerUrl, 'select * from kept')).toEqual([{ id: 1 }]);
    await second.release();
  });

  test('is shared by two processes at a time, and the last one stops it', async () => {
    const [one, other] = await Promise.all([hold('embedded', dataFolder), hold('embedded', dataFolder)]);
    const pid = serverPid();
    expect(one.url).toBe(other.url);
    await kill(one.child, 'SIGTERM');
    expect(await query(other.url, 'select * from kept')).toEqual([{ id: 1 }]);
    await kill(other.child, 'SIGTERM');
    expect(processBirth(pid)).toBeNull();
  });

  test('outlives a killed owner, is used again by the next start, and stops with that one', async () => {
    const killed = await hold('embedded', dataFolder);
    const pid = serverPid();
    await kill(killed.child, 'SIGKILL');
    const next = await useEmbeddedDatabase(dataFolder, quiet);
    expect(serverPid()).toBe(pid);
    expect(next.ownerUrl).toBe(killed.url);
    await next.release();
    expect(processBirth(pid)).toBeNull();
  });

  test('comes back with its data when owner and server were both killed', async () => {
    const killed = await hold('embedded', dataFolder);
    await query(killed.url, 'insert into kept values (2)');
    process.kill(serverPid(), 'SIGKILL');
    await kill(killed.child, 'SIGKILL');
    const next = await useEmbeddedDatabase(dataFolder, quiet);
    expect(await query(next.ownerUrl, 'select * from kept order by id')).toEqual([{ id: 1 }, { id: 2 }]);
    await next.release();
  });

  test("is not misled by a stale pid file whose number is another program's by now", async () => {
    writeFileSync(pidFile(), `${process.pid}\n/elsewhere\n0\n1\n\n127.0.0.1\n`);
    const database = await useEmbeddedDatabase(dataFolder, quiet);
    expect(serverPid()).not.toBe(process.pid);
    await database.release();
  });

  test('is left in peace by who looks for it while it starts, its pid file still empty', async () => {
    writeFileSync(pidFile(), '');
    expect(await findEmbeddedDatabase(dataFolder)).toBeNull();
    expect(existsSync(pidFile())).toBe(true);
    const database = await useEmbeddedDatabase(dataFolder, quiet);
    expect(await query(database.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    await database.release();
  });

  test('is set up again after a set-up that was interrupted', async () => {
    rmSync(join(dataFolder, 'postgres', 'cluster'), { recursive: true });
    writeFileSync(join(dataFolder, 'lock'), '999999999 gone');
    const database = await useEmbeddedDatabase(dataFolder, quiet);
    expect(await query(database.ownerUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
    await database.release();
  });

  test('refuses in one line when the folder cannot be written to', async () => {
    const file = `${dataFolder}-file`;
    writeFileSync(file, '');
    await expect(useEmbeddedDatabase(join(file, '.data'), quiet)).rejects.toThrow(
      /^The folder .* cannot be written to: [^\n]+$/,
    );
    rmSync(file);
  });
});

test('a throw-away database disappears with its folder when its owner is killed', async () => {
  const { child, url, pid } = await hold('throwaway');
  const [row] = await query(
    url,
    `select current_setting('data_directory') as folder, current_setting('fsync') as fsync`,
  );
  expect(row?.fsync).toBe('off');
  await kill(child, 'SIGKILL');
  await vi.waitFor(
    () => {
      expect(processBirth(pid)).toBeNull();
      expect(existsSync(String(row?.folder))).toBe(false);
    },
    { timeout: 10_000, interval: 20 },
  );
});
