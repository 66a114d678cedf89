import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findServer, holdBuild, listSources } from '../../scripts/build';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'doorstep-build-'));
});
afterEach(() => rmSync(checkout, { recursive: true }));

function write(path: string, content = ''): void {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  writeFileSync(join(checkout, path), content);
}

describe('what a build is made from', () => {
  const read = [
    'app/page.tsx',
    'app/globals.css',
    'db/migrations/meta/_journal.json',
    'proxy.ts',
    'public/a.png',
  ];

  test.each([
    'notes.txt',
    'npm-debug.log',
    'dump.sql',
    'backup/app/page.tsx',
    'docker-compose.yml',
    'scripts/start.ts',
    'tests/a.test.ts',
    'docs/a.md',
    'app/page.tsx~',
    'app/.page.tsx.swp',
    'app/page.tsx.orig',
    'db/migrations/0001_a.sql',
    'vitest.config.ts',
    '.env',
  ])('%s is none of it, so a start does not build for it', (path) => {
    for (const source of read) write(source);
    const before = listSources(checkout);
    write(path);
    expect(listSources(checkout)).toEqual(before);
    expect(before.map((file) => relative(checkout, file)).sort()).toEqual([...read].sort());
  });

  test('every file of this checkout that its pages can import is in it', () => {
    const sources = listSources(root).map((file) => relative(root, file));
    for (const path of [
      'app/layout.tsx',
      'app/globals.css',
      'lib/env.ts',
      'package-lock.json',
      'next.config.ts',
    ]) {
      expect(sources).toContain(path);
    }
  });
});

describe('a build that is served', () => {
  test('is known by its server until that has ended', async () => {
    const server = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    expect(findServer(checkout)).toBeNull();
    holdBuild(server.pid!, checkout);
    expect(findServer(checkout)).toBe(server.pid);
    server.kill('SIGKILL');
    await once(server, 'exit');
    expect(findServer(checkout)).toBeNull();
  });

  test('is not built again under it: the start ends with one line, and every file stays', async () => {
    for (const name of ['scripts', 'lib', 'db', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, name), join(checkout, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
    write('.next/BUILD_ID', 'served');
    write('.next/doorstep-build', 'made from other sources');
    holdBuild(process.pid, join(checkout, '.next'));
    const build = spawn(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], { cwd: checkout });
    let said = '';
    for (const stream of [build.stdout, build.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    const [code] = (await once(build, 'close')) as [number];
    expect(code).toBe(1);
    expect(said).toBe(
      `The sources have changed since the build that process ${process.pid} serves: stop it first, and start again.\n`,
    );
  });
});
