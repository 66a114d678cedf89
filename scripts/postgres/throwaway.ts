import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartProblem } from '../start-problem';
import { findBinaries } from './binaries';
import { createCluster, launchServer, stopServer } from './server';
import { mayEnter, postgresUser, type SystemUser } from './system-user';

export type ThrowawayDatabase = {
  url: string;
  /** The server's process, for tests of what happens when it is killed. */
  pid: number;
  /** Stops the server and removes everything it wrote. */
  stop(): Promise<void>;
};

/**
 * A PostgreSQL of its own in a temporary folder, with room for many connections. A small process watches over it, so that it is
 * stopped and removed even when we are killed. It flushes to disk only where it `isDurable`, for whoever measures what that costs.
 *
 * @param settings `-c` settings beside or instead of ours
 */
export async function startThrowawayDatabase({
  isDurable = false,
  settings = {},
}: {
  isDurable?: boolean;
  settings?: Record<string, string | number>;
} = {}): Promise<ThrowawayDatabase> {
  const user = postgresUser(null);
  const home = makeHome(user);
  try {
    const options = {
      home,
      binaries: findBinaries(user, home),
      user,
      throwaway: !isDurable,
      settings: { max_connections: 300, shared_buffers: '64MB', autovacuum: 'off', ...settings },
    };
    createCluster(options);
    const server = await launchServer(options);
    const guardian = spawn(
      process.execPath,
      [fileURLToPath(new URL('./guardian.mjs', import.meta.url)), String(server.pid), home],
      { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] },
    );
    guardian.unref();
    (guardian.stdin as unknown as { unref(): void }).unref();
    return {
      url: server.url,
      pid: server.pid,
      stop: async () => {
        await stopServer(server, { hurry: true });
        rmSync(home, { recursive: true, force: true });
        guardian.stdin.end();
      },
    };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

function makeHome(user: SystemUser | null): string {
  for (const parent of new Set([tmpdir(), '/tmp', '/var/tmp'])) {
    let home: string;
    try {
      home = mkdtempSync(join(parent, 'doorstep-test-'));
    } catch {
      continue;
    }
    chmodSync(home, 0o700);
    if (user) chownSync(home, user.uid, user.gid);
    if (mayEnter(user, home)) return home;
    rmSync(home, { recursive: true });
  }
  throw new StartProblem('There is no temporary folder that the database user can write to: set TMPDIR.');
}
