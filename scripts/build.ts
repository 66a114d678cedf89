import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './project-root';
import { exitWith, oneLine, StartProblem } from './start-problem';

const buildFolder = join(projectRoot, '.next');
const marker = join(buildFolder, 'doorstep-build');
const nextProgram = join(projectRoot, 'node_modules/next/dist/bin/next');

/** What cannot change what `next build` makes. */
const leftOut = new Set([
  'node_modules',
  'tests',
  'e2e',
  'docs',
  'scripts',
  'test-results',
  'playwright-report',
]);

/**
 * Builds the app unless the last finished build was made from exactly these sources and packages. The proof is written
 * after a build and removed before one, so an interrupted build counts for nothing. NODE_ENV plays no part.
 */
export async function buildIfNeeded(say: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const wanted = hashSources();
  if (existsSync(join(buildFolder, 'BUILD_ID')) && readMarker() === wanted) return;
  try {
    mkdirSync(buildFolder, { recursive: true });
    rmSync(marker, { force: true });
    writeFileSync(`${marker}.tmp`, '');
    rmSync(`${marker}.tmp`);
  } catch (error) {
    throw new StartProblem(`The folder ${buildFolder} cannot be written to: ${oneLine(error)}`);
  }
  say('Building …');
  const startedAt = Date.now();
  const child = spawn(process.execPath, [nextProgram, 'build'], {
    cwd: projectRoot,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
  });
  const end = (): unknown => child.kill('SIGTERM');
  signal?.addEventListener('abort', end);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  signal?.removeEventListener('abort', end);
  if (code !== 0) throw new StartProblem('The build failed; see above.');
  writeFileSync(marker, wanted);
  say(`Built in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
}

function readMarker(): string | null {
  return existsSync(marker) ? readFileSync(marker, 'utf8') : null;
}

function hashSources(): string {
  const hash = createHash('sha256');
  const nextManifest = readFileSync(join(projectRoot, 'node_modules/next/package.json'), 'utf8');
  hash.update((JSON.parse(nextManifest) as { version: string }).version);
  for (const file of listSources(projectRoot)) {
    hash.update(`\0${relative(projectRoot, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function listSources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && !leftOut.has(name) && name !== 'next-env.d.ts')
    .filter(({ name }) => !/\.(md|tsbuildinfo)$/.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listSources(path);
      return entry.isFile() ? [path] : [];
    });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildIfNeeded((line) => console.log(line)).catch(exitWith);
}
