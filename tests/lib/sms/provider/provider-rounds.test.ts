import { expect, test } from 'vitest';
import { runProviderRounds } from '@/lib/sms/provider/provider-rounds';

test('rounds are never two at a time, and the end waits for the one under way, which hears of it', async () => {
  let begun = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  const providers = new Set<unknown>();
  const rounds = runProviderRounds(
    async ({ provider }, signal) => {
      begun += 1;
      atOnce += 1;
      mostAtOnce = Math.max(mostAtOnce, atOnce);
      providers.add(provider);
      // The third lasts until it is told to end, and a while longer.
      if (begun === 3) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await new Promise((resolve) => setTimeout(resolve, 20));
      atOnce -= 1;
    },
    { everyMs: 2, onFault: () => undefined },
  );
  await expect.poll(() => begun).toBe(3);
  await rounds.stop();
  expect({ begun, atOnce, mostAtOnce, providers: providers.size }).toEqual({
    begun: 3,
    atOnce: 0,
    mostAtOnce: 1,
    providers: 1,
  });
});

test('an error of a round is told, and the next round begins all the same', async () => {
  const told: unknown[] = [];
  let begun = 0;
  const rounds = runProviderRounds(
    () => {
      begun += 1;
      return Promise.reject(new Error(`round ${begun}`));
    },
    { everyMs: 2, onFault: (error) => told.push(error) },
  );
  await expect.poll(() => begun).toBeGreaterThan(2);
  await rounds.stop();
  expect(told.length).toBe(begun);
  expect(told.slice(0, 2)).toEqual([new Error('round 1'), new Error('round 2')]);
});
