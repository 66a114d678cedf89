import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readCommandLine } from './command-line';
import { processBirth } from './postgres/process-birth';
import { projectRoot } from './project-root';
import { exitWith, oneLine, StartProblem } from './start-problem';

const buildFolder = join(projectRoot, '.next');
const marker = join(buildFolder, 'doorstep-build');
const usersName = 'doorstep-servers';
const nextProgram = join(projectRoot, 'node_modules/next/dist/bin/next');

/** What `next build` reads, below the project's folder … */
const sourceFolders = ['app', 'components', 'lib', 'db', 'public'];
const sourceFiles = [
  'instrumentation.ts',
  'next.config.ts',
  'package.json',
  'package-lock.json',
  'proxy.ts',
  'tsconfig.json',
];
/** … and in those folders by these endings: notes, backups of editors and migrations are none of it. */
const sourceEndings =
  /\.(?:tsx?|jsx?|mjs|cjs|json|css|svg|ico|png|jpe?g|gif|webp|avif|woff2?|txt|xml|webmanifest)$/;

/**
 * What Next names the server actions by, with their file and name (base64 of 32 bytes). It makes one up for each build; then no
 * process could answer a form that the page of another build sent, be it another machine's or the release before. It is no
 * secret here: Next would encrypt by it what an action closes over, and ours close over nothing (tests/app/authorization.test.ts).
 */
export const actionNamesKey = createHash('sha256').update('doorstep server actions').digest('base64');

/**
 * Builds the app unless the last finished build was made from exactly these sources and packages. The proof is written
 * after a build and removed before one, so an interrupted build counts for nothing. NODE_ENV plays no part. Refuses to build
 * under a server that runs: it would lose the files that it serves.
 */
export async function buildIfNeeded(say: (line: string) => void, signal?: AbortSignal): Promise<void> {
  const wanted = hashSources();
  if (existsSync(join(buildFolder, 'BUILD_ID')) && readMarker() === wanted) return;
  const server = findServer();
  if (server !== null) {
    throw new StartProblem(
      `The sources have changed since the build that process ${server} serves: stop it first, and start again.`,
    );
  }
  try {
    mkdirSync(buildFolder, { recursive: true });
    rmSync(marker, { force: true });
    writeFileSync(`${marker}.tmp`, '');
    rmSync(`${marker}.tmp`);
  } catch (error) {
    throw new StartProblem(`The folder ${buildFolder} cannot be written to: ${oneLine(error)}`);
  }
  say('Building … (a minute or two)');
  const startedAt = Date.now();
  const child = spawn(process.execPath, [nextProgram, 'build'], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      NEXT_SERVER_ACTIONS_ENCRYPTION_KEY: actionNamesKey,
    },
  });
  // A hundred lines about routes are in nobody's way unless something is wrong.
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => said.push(part));
  const end = (): unknown => child.kill('SIGTERM');
  signal?.addEventListener('abort', end);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  signal?.removeEventListener('abort', end);
  if (code !== 0) {
    process.stderr.write(Buffer.concat(said));
    throw new StartProblem('The build failed; see above.');
  }
  writeFileSync(marker, wanted);
  say(`Built in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
}

/** Notes that a process serves the build, for as long as it runs. A build that nobody can write to needs no note. */
export function holdBuild(pid: number, folder = buildFolder): void {
  try {
    mkdirSync(join(folder, usersName), { recursive: true });
    writeFileSync(join(folder, usersName, String(pid)), processBirth(pid) ?? '');
  } catch (error) {
    if (!/^(EACCES|EPERM|EROFS)$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** A process that serves the build at this moment; null: none does. Forgets those that have ended. */
export function findServer(folder = buildFolder): number | null {
  const users = join(folder, usersName);
  for (const name of existsSync(users) ? readdirSync(users) : []) {
    const birth = readFileSync(join(users, name), 'utf8');
    if (birth !== '' && birth === processBirth(Number(name))) return Number(name);
    rmSync(join(users, name), { force: true });
  }
  return null;
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

/** The files of a checkout that its build is made from, in an order of their own. */
export function listSources(root: string): string[] {
  return [
    ...sourceFiles.map((name) => join(root, name)).filter((path) => existsSync(path)),
    ...sourceFolders
      .map((name) => join(root, name))
      .filter((path) => existsSync(path))
      .flatMap(listFolder),
  ];
}

function listFolder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listFolder(path);
      return entry.isFile() && sourceEndings.test(entry.name) ? [path] : [];
    });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    readCommandLine(process.argv.slice(2), {
      usage: 'npm run build',
      about: 'Builds the application if its sources have changed since the last build, and ends.',
    });
    await buildIfNeeded((line) => console.log(line));
  } catch (error) {
    exitWith(error);
  }
}
