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
