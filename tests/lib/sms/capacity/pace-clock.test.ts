import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';

/** Asks a database whose clock is `aheadMs` ahead, `times` times, by ways of which `takeWay` says how long each takes. */
function ask(
  clock: PaceClock,
  { aheadMs, times, fromMs = 0, takeWay }: Asked,
): { nowMs: number; fastestMs: number } {
  let nowMs = fromMs;
  let fastestMs = Infinity;
  for (let nth = 0; nth < times; nth += 1) {
    const askedMs = nowMs;
    const saidMs = askedMs + takeWay();
    const answeredMs = saidMs + takeWay();
    clock.learn({ databaseMs: saidMs + aheadMs, askedMs, answeredMs });
    fastestMs = Math.min(fastestMs, answeredMs - askedMs);
    nowMs = answeredMs + 200;
  }
  return { nowMs, fastestMs };
}

type Asked = { aheadMs: number; times: number; fromMs?: number; takeWay: () => number };

const aheadMs = 1_795_000_000_000;

test('a moment lies where the database says, however slowly it answers, within what its fastest way leaves open', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 2, maxLength: 80 }),
      fc.integer({ min: 0, max: 40 }),
      (ways, leastMs) => {
        const clock = new PaceClock();
        let way = 0;
        const takeWay = () => leastMs + ways[way++]!;
        const { nowMs, fastestMs } = ask(clock, { aheadMs, times: Math.floor(ways.length / 2), takeWay });
        const { fromMs, toMs } = clock.find(nowMs + 300 + aheadMs);
        const blurMs = fastestMs / 2 + 0.01;
        expect(fromMs).toBeLessThanOrEqual(nowMs + 300 + blurMs);
        expect(toMs).toBeGreaterThanOrEqual(nowMs + 300 - blurMs);
      },
    ),
  );
});

test('it is known within the tolerance of a place where one answer alone would leave four times as much open', () => {
  const clock = new PaceClock();
  // From 0 to 60 ms each way, and never twice fast in a row.
  const ways = [55, 3, 40, 60, 2, 48, 33, 12, 60, 20, 5, 57, 30, 44, 58, 4];
  let way = 0;
  const { nowMs } = ask(clock, { aheadMs, times: 8, takeWay: () => ways[way++]! });
  const { fromMs, toMs } = clock.find(nowMs + aheadMs);
  expect(toMs - fromMs).toBeLessThan(20);
  expect(Math.abs((fromMs + toMs) / 2 - nowMs)).toBeLessThan(20);
});

test('ways that are alike leave nothing open, however long they are', () => {
  const clock = new PaceClock();
  const { nowMs } = ask(clock, { aheadMs, times: 3, takeWay: () => 80 });
  const { fromMs, toMs } = clock.find(nowMs + aheadMs);
  expect(fromMs).toBeCloseTo(nowMs, 0);
  expect(toMs).toBeCloseTo(nowMs, 0);
});

test('a clock that someone sets is believed from the next answer on, forward and back', () => {
  for (const stepMs of [600_000, -600_000, 300, -300]) {
    const clock = new PaceClock();
    const { nowMs } = ask(clock, { aheadMs, times: 20, takeWay: () => 4 });
    const after = ask(clock, { aheadMs: aheadMs + stepMs, times: 1, fromMs: nowMs, takeWay: () => 6 });
    const { fromMs, toMs } = clock.find(after.nowMs + aheadMs + stepMs);
    expect(Math.abs(fromMs - after.nowMs)).toBeLessThan(10);
    expect(Math.abs(toMs - after.nowMs)).toBeLessThan(10);
  }
});

test('what was known long ago bounds less, as clocks drift apart', () => {
  const clock = new PaceClock();
  const early = ask(clock, { aheadMs, times: 5, takeWay: () => 1 });
  const late = ask(clock, {
    aheadMs: aheadMs + 20,
    times: 1,
    fromMs: early.nowMs + 60_000,
    takeWay: () => 50,
  });
  const { fromMs, toMs } = clock.find(late.nowMs + aheadMs + 20);
  expect(fromMs).toBeLessThanOrEqual(late.nowMs);
  expect(toMs).toBeGreaterThanOrEqual(late.nowMs - 1);
});
