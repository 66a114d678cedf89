import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { performance } from 'node:perf_hooks';
import { compareSync, hash as hashInline } from 'bcryptjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { countHashThreads, hashPassword, needsRehash, verifyPassword } from '@/lib/accounts/password';

const long = 'é'.repeat(100);
let shortHash = '';
let longHash = '';

async function mustHash(password: string): Promise<string> {
  const hashed = await hashPassword(password);
  if (!hashed.ok) throw new Error(hashed.reason);
  return hashed.value;
}

beforeAll(async () => {
  [shortHash, longHash] = await Promise.all([mustHash('pässword of mine'), mustHash(long)]);
});

describe('hashing passwords', () => {
  it('accepts the right password and no other', async () => {
    expect(await verifyPassword('pässword of mine', shortHash)).toBe(true);
    expect(await verifyPassword('Pässword of mine', shortHash)).toBe(false);
    expect(await verifyPassword('', shortHash)).toBe(false);
  });

  it('reads every byte, beyond the 72 that bcrypt reads and beyond a zero byte', async () => {
    expect(await verifyPassword(long, longHash)).toBe(true);
    expect(await verifyPassword(`${long.slice(0, -1)}e`, longHash)).toBe(false);
    expect(await verifyPassword(long.slice(0, 36), longHash)).toBe(false);
    expect(await verifyPassword('pässword of mine\0more', shortHash)).toBe(false);
  });

  it('takes the same letters for the same password, however the keyboard composes them', async () => {
    expect(await verifyPassword('pa\u0308ssword of mine', shortHash)).toBe(true);
  });

  it('salts: the same password never has the same hash twice', async () => {
    expect(await mustHash('pässword of mine')).not.toBe(shortHash);
  });

  it('is bcrypt with cost 12 over a digest with a prefix of its own, and over no plain one', () => {
    expect(shortHash).toMatch(/^v1\$2b\$12\$/);
    const digest = (text: string) => createHash('sha384').update(text).digest('base64');
    expect(compareSync(digest('doorstep-password/v1\0pässword of mine'), shortHash.slice(2))).toBe(true);
    expect(compareSync(digest('pässword of mine'), shortHash.slice(2))).toBe(false);
  });

  it('throws on a hash it does not know, rather than call a password wrong', async () => {
    await expect(verifyPassword('x', '$2b$12$tooshort')).rejects.toThrow('unknown form');
  });

  it('knows which hashes are to be replaced', () => {
    expect(needsRehash(shortHash)).toBe(false);
    expect(needsRehash(shortHash.replace('$12$', '$10$'))).toBe(true);
    expect(needsRehash(shortHash.slice(2))).toBe(true);
  });
});

describe('an account that does not exist', () => {
  it('is answered false after the same work as a wrong password', async () => {
    const time = async (hash: string | null) => {
      const startedAt = performance.now();
      expect(await verifyPassword('a wrong guess', hash)).toBe(false);
      return performance.now() - startedAt;
    };
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      known.push(await time(shortHash));
      unknown.push(await time(null));
    }
    const ratio = Math.min(...unknown) / Math.min(...known);
    // No work at all would be a thousandth; the width is for a machine that does other things.
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });
});

describe('many at once', () => {
  it('keep the event loop free while they are hashed', async () => {
    /** How much of the time the event loop was busy. */
    const watch = async (work: () => Promise<unknown>) => {
      const before = performance.eventLoopUtilization();
      await work();
      return performance.eventLoopUtilization(before).utilization;
    };
    const pooled = await watch(() =>
      Promise.all(Array.from({ length: 8 }, () => hashPassword('x'.repeat(20)))),
    );
    const inline = await watch(() =>
      Promise.all(Array.from({ length: 3 }, () => hashInline('x'.repeat(20), 12))),
    );
    expect(inline).toBeGreaterThan(0.8);
    expect(pooled / inline).toBeLessThan(0.25);
  });
});

describe('the threads that hash', () => {
  it('are four at most, and leave a core free where they cannot give way by themselves', () => {
    const counts = (platform: NodeJS.Platform) =>
      [1, 2, 4, 16].map((cores) => countHashThreads(cores, platform));
    expect(counts('linux')).toEqual([1, 2, 4, 4]);
    expect(counts('darwin')).toEqual([1, 1, 3, 4]);
    expect(counts('win32')).toEqual([1, 1, 3, 4]);
  });

  it('have a low priority of their own on Linux, and nothing else of this process has', async () => {
    const own = getPriority();
    await mustHash('pässword of mine');
    expect(getPriority()).toBe(own);
    if (process.platform !== 'linux') return;
    // The 19th field of a thread's line is its nice value, the 17th behind the name in parentheses.
    const priorities = readdirSync('/proc/self/task').map((thread) => {
      const line = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[16]);
    });
    const lowered = priorities.filter((each) => each === 10 && own !== 10);
    expect(lowered.length).toBeGreaterThan(0);
    expect(priorities.filter((each) => each === own).length).toBeGreaterThan(lowered.length);
  });
});
