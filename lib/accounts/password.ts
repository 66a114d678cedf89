import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Piscina } from 'piscina';
import { wideNetworkOf } from '@/lib/client-address';
import { countRefusal, measureSeconds } from '@/lib/metrics/meters';
import type { Result } from '@/lib/result';
import { makePasswordQueue } from './password-queue';
import { toNfc } from '@/lib/unicode';

const cost = 12;
const stored = /^v1(\$2b\$([0-9]{2})\$[./A-Za-z0-9]{53})$/;
// Of a random password that nobody knows: what a missing account is checked against.
const nobodysHash = '$2b$12$AlhKhXCuxpADTGewdrf4.e9KGIWPvEigRIsPbm9zrSKvnPnmI9beK';

/**
 * How many passwords are hashed at once, four at most. On Linux one a core, since their threads have a low priority there
 * (password-worker.mjs); elsewhere they leave a core to everything else, where there is more than one.
 */
export function countHashThreads(cores: number, platform: NodeJS.Platform): number {
  return Math.min(4, Math.max(1, platform === 'linux' ? cores : cores - 1));
}

const threads = countHashThreads(availableParallelism(), process.platform);

/**
 * Hashes a password for storage, in a worker thread: bcrypt, cost 12, over a digest of the password.
 *
 * The password is put into Unicode NFC first (RFC 8265, OpaqueString: the same letters typed on another keyboard are the
 * same password) and is not changed otherwise (OWASP ASVS 5.0, 6.2.8). bcrypt reads 72 bytes and stops at a zero byte, so
 * it gets the 64 base64 characters of a SHA-384 digest: every byte of the password counts. The digest's prefix makes it
 * differ from plain digests in other people's leaks, which could else be tried here in place of passwords. No key takes
 * part, so no change of secrets locks anyone out.
 *
 * @param source the network that it is wanted from (`networkOf`): networks are served in turn; commands have none
 * @returns the hash, which carries its own scheme and cost; `busy` when it would wait for more than five seconds
 */
export async function hashPassword(
  password: string,
  source = 'local',
): Promise<Result<string, { reason: 'busy' }>> {
  const task = { digest: digestPassword(password), cost };
  const hash = await runInTurn({ lane: 'hash', source }, () => pool.run(task) as Promise<string>);
  return hash === 'busy' ? { ok: false, reason: 'busy' } : { ok: true, value: `v1${hash}` };
}

/** Takes the place of a hash where no password opens the account. */
export const noPassword = 'none';

/**
 * Tells whether a password belongs to a hash. With `null`, for an account that does not exist, and with `noPassword` it does the
 * same work and answers false, so that time tells nothing about who has an account.
 *
 * @param lane a browser that the account knows waits apart from all others, so that no flood of strangers makes it wait long
 * @param source the network that asks (`networkOf`): networks are served in turn
 * @throws PasswordsBusy when it would wait for more than five seconds: not a value, so that it can never pass for a match
 */
export async function verifyPassword(
  password: string,
  hash: string | null,
  { lane = 'verify', source = 'local' }: { lane?: 'verify' | 'verify_known'; source?: string } = {},
): Promise<boolean> {
  const isNone = hash === null || hash === noPassword;
  const bcryptHash = isNone ? nobodysHash : stored.exec(hash)?.[1];
  if (bcryptHash === undefined) throw new Error('The stored password hash has an unknown form');
  const task = { digest: digestPassword(password), hash: bcryptHash };
  const matches = await runInTurn({ lane, source }, () => pool.run(task) as Promise<boolean>);
  if (matches === 'busy') throw new PasswordsBusy();
  return matches && !isNone;
}

/** So many passwords are waiting to be checked that another would wait too long: ask the person to try again shortly. */
export class PasswordsBusy extends Error {
  readonly reason = 'busy';

  constructor() {
    super('Too many passwords are waiting to be checked');
    this.name = 'PasswordsBusy';
  }
}

/** Tells whether a hash is of an older scheme or cheaper than new ones, and is to be replaced at the next sign-in. */
export function needsRehash(hash: string): boolean {
  const parts = stored.exec(hash);
  return !parts || Number(parts[2]) < cost;
}

function digestPassword(password: string): string {
  return createHash('sha384').update('doorstep-password/v1\0').update(toNfc(password)).digest('base64');
}

// The worker is found from the working directory, which every start command sets to the project's root: in Next's compiled
// server `import.meta.url` names a chunk under .next, and only under tsx and vitest the source file.
const pool = new Piscina({
  filename: path.join(/* turbopackIgnore: true */ process.cwd(), 'lib', 'accounts', 'password-worker.mjs'),
  minThreads: 0,
  maxThreads: threads,
  idleTimeout: 60_000,
  // Neither the loaders nor the secrets of the process that starts them.
  execArgv: [],
  env: {},
});

const runInTurn = makePasswordQueue(threads, wideNetworkOf, undefined, (lane, waitedMs) => {
  if (waitedMs === null) countRefusal('password_queue');
  else measureSeconds('hashWait', { lane }, waitedMs / 1000);
});
