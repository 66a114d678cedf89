import { afterEach, describe, expect, it, vi } from 'vitest';
import { hashPassword, PasswordsBusy, verifyPassword } from '@/lib/accounts/password';

interface RunningTask {
  task: { digest: string; hash?: string };
  finish: (answer: string | boolean) => void;
  fail: (fault: Error) => void;
}

const { running } = vi.hoisted(() => ({ running: [] as RunningTask[] }));

vi.mock('piscina', () => ({
  Piscina: class {
    run(task: RunningTask['task']) {
      return new Promise((finish, fail) => running.push({ task, finish, fail }));
    }
  },
}));

const known = `v1$2b$12$${'a'.repeat(53)}`;

async function finishNext(): Promise<'hash' | 'verify'> {
  const { task, finish } = running.shift()!;
  const kind = task.hash === undefined ? 'hash' : 'verify';
  finish(kind === 'hash' ? '$2b$12$new' : true);
  await new Promise((resume) => setImmediate(resume));
  return kind;
}

async function finishAll(): Promise<('hash' | 'verify')[]> {
  const order: ('hash' | 'verify')[] = [];
  while (running.length > 0) order.push(await finishNext());
  return order;
}

async function takeAllThreads(): Promise<number> {
  let threads = 0;
  do {
    threads = running.length;
    void verifyPassword('x', known);
    await new Promise((resume) => setImmediate(resume));
  } while (running.length > threads);
  return threads;
}

afterEach(async () => {
  await finishAll();
});

describe('the queue before the password workers', () => {
  it('never gives the workers more than they have threads for, and those are one to four', async () => {
    const threads = await takeAllThreads();
    expect(threads).toBeGreaterThanOrEqual(1);
    expect(threads).toBeLessThanOrEqual(4);
    const hashes = Array.from({ length: 10 }, () => hashPassword('x'));
    expect(running.length).toBe(threads);
    await finishAll();
    expect((await Promise.all(hashes)).every((hash) => hash.ok)).toBe(true);
  });

  it('refuses at once what would wait behind a hundred of its kind, and takes the other kind still', async () => {
    await takeAllThreads();
    const hashes = Array.from({ length: 100 }, () => hashPassword('x'));
    expect(await hashPassword('x')).toEqual({ ok: false, reason: 'busy' });

    const checks = Array.from({ length: 99 }, () => verifyPassword('x', known)); // one waits already
    await expect(verifyPassword('x', known)).rejects.toBeInstanceOf(PasswordsBusy);
    await expect(verifyPassword('x', null)).rejects.toBeInstanceOf(PasswordsBusy);

    await finishAll();
    expect(await Promise.all(hashes)).toEqual(hashes.map(() => ({ ok: true, value: 'v1$2b$12$new' })));
    expect(await Promise.all(checks)).toEqual(checks.map(() => true));
    expect(running).toEqual([]);
  });

  it('serves both kinds in turn, so that neither flood holds up the other', async () => {
    const threads = await takeAllThreads();
    const hashes = Array.from({ length: 20 }, () => hashPassword('x'));
    const check = verifyPassword('x', known);
    const order = await finishAll();
    await Promise.all([...hashes, check]);
    expect(order.length).toBe(threads + 1 + 20 + 1);
    expect(order.slice(threads, threads + 4)).toEqual(['hash', 'verify', 'hash', 'verify']);
  });

  it('takes and serves a browser that is known, however many strangers wait to be let in', async () => {
    const threads = await takeAllThreads();
    const hashes = Array.from({ length: 100 }, () => hashPassword('x'));
    const strangers = Array.from({ length: 99 }, () => verifyPassword('x', null)); // one waits already
    await expect(verifyPassword('x', null)).rejects.toBeInstanceOf(PasswordsBusy);
    let isServed = false;
    const check = verifyPassword('x', known, 'verify_known').then(() => (isServed = true));
    for (let served = 0; served < threads + 2; served += 1) await finishNext();
    await new Promise((resume) => setImmediate(resume));
    expect(isServed).toBe(true);
    await finishAll();
    await Promise.all([...hashes, ...strangers, check]);
  });

  it('goes on after a worker fault, which reaches only its own caller', async () => {
    const unlucky = hashPassword('x');
    const failing = running.pop()!;
    await takeAllThreads();
    const next = hashPassword('x');
    failing.fail(new Error('worker died'));
    await expect(unlucky).rejects.toThrow('worker died');
    await finishAll();
    expect(await next).toEqual({ ok: true, value: 'v1$2b$12$new' });
    expect(running).toEqual([]);
  });

  it('lets nobody in by a missing hash, whatever the worker says', async () => {
    const check = verifyPassword('x', null);
    await finishAll();
    expect(await check).toBe(false);
  });
});
