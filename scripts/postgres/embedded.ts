import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { oneLine, StartProblem } from '../start-problem';
import { findBinaries } from './binaries';
import { processBirth } from './process-birth';
import {
  createCluster,
  createRunningRole,
  findRunningServer,
  isRunning,
  launchServer,
  runningUrl,
  stopServer,
  type Server,
} from './server';
import { mayEnter, postgresUser } from './system-user';

export type EmbeddedDatabase = {
  /** For the role that serves, which owns nothing. */
  url: string;
  /** For the role that owns the tables. */
  ownerUrl: string;
  /** Where its data lives. */
  home: string;
  isRunning(): boolean;
  /** Ends our use of it; the last of several users stops the server. A second call while this runs hurries it. */
  release(): Promise<void>;
};

/**
 * The database that lives with a checkout: set up on first use, started when it does not run, shared with every other
 * process of the checkout that uses it at the same time, and taken over when the one that started it was killed.
 * Throws a StartProblem with one line when that is impossible here.
 */
export async function useEmbeddedDatabase(
  dataFolder: string,
  say: (line: string) => void,
): Promise<EmbeddedDatabase> {
  makeDataFolder(dataFolder);
  const { home, server } = await withLock(dataFolder, say, async () => {
    const place = findPlace(dataFolder);
    const user = postgresUser(join(place, 'cluster', 'data'));
    const isNew = !existsSync(join(place, 'cluster'));
    if (!isInside(place, dataFolder)) {
      say(`The database user cannot enter ${dataFolder}, so the database lives in ${place}`);
    }
    // Under the lock, what is unfinished is a killed process's.
    for (const name of readdirSync(place)) {
      if (name.endsWith('.tmp')) rmSync(join(place, name), { recursive: true, force: true });
    }
    if (isNew) say('Setting up the embedded PostgreSQL …');
    const options = { home: place, binaries: findBinaries(user, place), user };
    createCluster(options);
    const running = (await findRunningServer(place)) ?? (await launchServer(options));
    await createRunningRole(running);
    mkdirSync(join(dataFolder, 'users'), { recursive: true });
    writeFileSync(userFile(dataFolder, process.pid), processBirth(process.pid) ?? '');
    return { home: place, server: running };
  });

  let releasing: Promise<void> | undefined;
  return {
    url: runningUrl(server),
    ownerUrl: server.url,
    home,
    isRunning: () => isRunning(server),
    release: () => {
      if (releasing) return stopServer(server, { hurry: true });
      releasing = withLock(dataFolder, say, async () => {
        rmSync(userFile(dataFolder, process.pid), { force: true });
        if (!hasOtherUsers(dataFolder)) await stopServer(server);
      });
      return releasing;
    },
  };
}

/** The embedded database of a checkout if it runs at this moment, else null; starts nothing. */
export async function findEmbeddedDatabase(dataFolder: string): Promise<string | null> {
  const home = readPlace(dataFolder) ?? join(dataFolder, 'postgres');
  if (!existsSync(join(home, 'cluster'))) return null;
  const server: Server | null = await findRunningServer(home);
  return server && isRunning(server) ? runningUrl(server) : null;
}

/** Makes the folder of what a checkout keeps, and refuses with one line when it cannot be written to. */
export function makeDataFolder(dataFolder: string): void {
  try {
    mkdirSync(dataFolder, { recursive: true });
    // Others may walk through to what is theirs (the database's user), not list what is inside.
    if (readdirSync(dataFolder).length === 0) chmodSync(dataFolder, 0o711);
    const probe = join(dataFolder, `.probe-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw new StartProblem(`The folder ${dataFolder} cannot be written to: ${oneLine(error)}`);
  }
}

function findPlace(dataFolder: string): string {
  const noted = readPlace(dataFolder);
  if (noted) return noted;
  const place = makePlace(dataFolder);
  writeFileSync(placeFile(dataFolder), JSON.stringify({ dataFolder, home: place }));
  return place;
}

function makePlace(dataFolder: string): string {
  const inside = join(dataFolder, 'postgres');
  const user = postgresUser(join(inside, 'cluster', 'data'));
  mkdirSync(inside, { recursive: true });
  chmodSync(inside, 0o711);
  if (!user) return inside;
  chownSync(inside, user.uid, user.gid);
  if (mayEnter(user, inside)) return inside;
  rmSync(inside, { recursive: true });
  const outside = join(
    '/var/lib/doorstep',
    createHash('sha256').update(dataFolder).digest('hex').slice(0, 16),
  );
  try {
    mkdirSync(outside, { recursive: true });
    for (const folder of ['/var/lib/doorstep', outside]) chmodSync(folder, 0o711);
    chownSync(outside, user.uid, user.gid);
  } catch (error) {
    throw new StartProblem(`The folder ${outside} cannot be written to: ${oneLine(error)}`);
  }
  return outside;
}

// A copied checkout brings the note along; the original's database is not the copy's.
function readPlace(dataFolder: string): string | null {
  try {
    const note = JSON.parse(readFileSync(placeFile(dataFolder), 'utf8')) as {
      dataFolder: string;
      home: string;
    };
    if (isInside(note.home, note.dataFolder)) {
      const home = join(dataFolder, basename(note.home));
      return existsSync(home) ? home : null;
    }
    const isCopy = note.dataFolder !== dataFolder && existsSync(note.dataFolder);
    return !isCopy && existsSync(note.home) ? note.home : null;
  } catch {
    return null;
  }
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function placeFile(dataFolder: string): string {
  return join(dataFolder, 'postgres.json');
}

function userFile(dataFolder: string, pid: number): string {
  return join(dataFolder, 'users', String(pid));
}

function hasOtherUsers(dataFolder: string): boolean {
  return readdirSync(join(dataFolder, 'users')).some((name) => {
    if (readFileSync(join(dataFolder, 'users', name), 'utf8') === processBirth(Number(name))) return true;
    rmSync(join(dataFolder, 'users', name), { force: true });
    return false;
  });
}

async function withLock<T>(
  dataFolder: string,
  say: (line: string) => void,
  run: () => Promise<T>,
): Promise<T> {
  const file = join(dataFolder, 'lock');
  const mine = `${process.pid} ${processBirth(process.pid) ?? ''}`;
  const startedAt = Date.now();
  let told = false;
  while (!tryCreate(file, mine)) {
    const [pid = '', birth = ''] = readOrEmpty(file).split(' ');
    if (birth !== processBirth(Number(pid))) {
      rmSync(file, { force: true });
      continue;
    }
    if (!told && Date.now() - startedAt > 2_000) {
      say(`Waiting for process ${pid}, which is starting or stopping the database …`);
      told = true;
    }
    if (Date.now() - startedAt > 90_000) {
      throw new StartProblem(`Process ${pid} has held ${file} for over a minute: end it and try again.`);
    }
    await delay(50);
  }
  try {
    return await run();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryCreate(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
