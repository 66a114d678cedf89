import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { StartProblem } from '../start-problem';

/** The user PostgreSQL runs as, where it is not ourselves: spawn options, ready to spread. */
export type SystemUser = { uid: number; gid: number };

/**
 * PostgreSQL refuses to run as root, so root drops to the owner of an existing data folder, else to `postgres`, else to
 * `nobody`. Null when we are not root: then it runs as ourselves.
 */
export function postgresUser(dataFolder: string | null): SystemUser | null {
  if (process.getuid?.() !== 0) return null;
  const owner = dataFolder === null ? null : ownerOf(dataFolder);
  if (owner && owner.uid !== 0) return owner;
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`));
    const [, , uid, gid] = line?.split(':') ?? [];
    // macOS writes the user `nobody` as -2, which system calls know as an unsigned number.
    if (uid && gid && Number(uid) !== 0) return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  throw new StartProblem(
    'The embedded PostgreSQL cannot run as root and /etc/passwd has neither postgres nor nobody: set DATABASE_URL.',
  );
}

/** Whether that user may walk to a file or folder and read it; true for ourselves (null) only if we may. */
export function mayEnter(user: SystemUser | null, path: string): boolean {
  const test = spawnSync('/bin/sh', ['-c', 'test -r "$1" && test -x "$1"', 'sh', path], {
    cwd: '/',
    ...user,
  });
  return test.status === 0;
}

function ownerOf(path: string): SystemUser | null {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? { uid: stat.uid, gid: stat.gid } : null;
}
