import { expect, test } from 'vitest';
import { gather } from '@/lib/gather';

/** Runs that end when told to. */
function makeRun() {
  const runs: { items: readonly number[]; end: (fault?: Error) => void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<number[]>((resolve, reject) => {
      const end = (fault?: Error) => (fault ? reject(fault) : resolve(items.map((item) => item * 10)));
      runs.push({ items, end });
    });
  return { runs, run };
}

const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('what comes in one turn goes together, and what comes meanwhile goes next', async () => {
  const { runs, run } = makeRun();
  const add = gather(run);
  const first = [add(1), add(2)];
  await turn();
  const second = [add(3), add(4), add(5)];
  await turn();
  expect(runs.map(({ items }) => items)).toEqual([[1, 2]]);
  runs[0]!.end();
  expect(await Promise.all(first)).toEqual([10, 20]);
  await turn();
  expect(runs.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  runs[1]!.end();
  expect(await Promise.all(second)).toEqual([30, 40, 50]);
});

test('a run that fails fails its own items, and the next goes on', async () => {
  const { runs, run } = makeRun();
  const add = gather(run);
  const lost = Promise.allSettled([add(1), add(2)]);
  await turn();
  const kept = add(3);
  const fault = new Error('gone');
  runs[0]!.end(fault);
  expect(await lost).toEqual([
    { status: 'rejected', reason: fault },
    { status: 'rejected', reason: fault },
  ]);
  await turn();
  runs[1]!.end();
  expect(await kept).toBe(30);
  const later = add(4);
  await turn();
  runs[2]!.end();
  expect(await later).toBe(40);
});
