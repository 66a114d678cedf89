import { expect, test, vi } from 'vitest';
import { verifyPassword } from '@/lib/accounts/password';

vi.mock('piscina', () => ({
  Piscina: class {
    run() {
      return Promise.resolve(true);
    }
  },
}));

test('a missing hash lets nobody in, whatever the worker says', async () => {
  expect(await verifyPassword('x', null)).toBe(false);
  expect(await verifyPassword('x', `v1$2b$12$${'a'.repeat(53)}`)).toBe(true);
});

test('hashing works in a process that may not change its priority', async () => {
  vi.resetModules();
  vi.doMock('node:os', () => ({
    getPriority: () => 0,
    setPriority: () => {
      throw new Error('EACCES');
    },
  }));
  // @ts-expect-error It is plain JavaScript, so that a thread can load it.
  const { default: runBcrypt } = (await import('@/lib/accounts/password-worker.mjs')) as {
    default: (task: object) => string | boolean;
  };
  const hash = runBcrypt({ digest: 'x', cost: 4 });
  expect(runBcrypt({ digest: 'x', hash })).toBe(true);
});
