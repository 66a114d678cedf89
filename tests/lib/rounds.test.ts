import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { restAfter, runRounds } from '@/lib/rounds';

test('a round that has more to do is followed at once, one that failed is told of and tried again', async () => {
  const faults: unknown[] = [];
  const waits: number[] = [];
  let count = 0;
  const rounds = runRounds(
    async () => {
      count += 1;
      if (count === 2) throw new Error('down');
      return count < 4 ? 0 : 7_000;
    },
    {
      everyMs: 5_000,
      onFault: (error) => faults.push(error),
      wait: async (ms, signal) => {
        waits.push(ms);
        if (ms === 7_000) await delay(60_000, undefined, { signal }).catch(() => undefined);
      },
    },
  );
  await delay(20);
  expect({ count, waits, faults }).toEqual({ count: 4, waits: [5_000, 7_000], faults: [new Error('down')] });
  await rounds.stop();
  expect(count).toBe(4);
});

test('stopping begins no further round, and waits for the one under way', async () => {
  let ended = 0;
  let signals = 0;
  const rounds = runRounds(
    async (signal) => {
      await delay(50);
      signals += signal.aborted ? 1 : 0;
      ended += 1;
      return 0;
    },
    { everyMs: 1, onFault: () => undefined },
  );
  await rounds.stop();
  expect({ ended, signals }).toEqual({ ended: 1, signals: 1 });
});

test('a rest is cut short by the end', async () => {
  const rounds = runRounds(async () => 60_000, { everyMs: 60_000, onFault: () => undefined });
  await delay(10);
  const begunMs = performance.now();
  await rounds.stop();
  expect(performance.now() - begunMs).toBeLessThan(5_000);
});

test('a rest is as long as the round, times so many, and never longer than it may be', () => {
  const begunMs = performance.now() - 100;
  expect(restAfter(begunMs, { times: 4, longestMs: 5_000 })).toBeGreaterThanOrEqual(400);
  expect(restAfter(begunMs, { times: 4, longestMs: 150 })).toBe(150);
});
