import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runActs, type Probe } from '@/bench/block';
import type { DatabaseCounts } from '@/bench/database-counts';
import { measureRows, traceStatements, type Instruments, type Row } from '@/bench/measure';
import {
  processorTimeBetween,
  readProcessorTimes,
  saysProcessorTime,
  type ProcessorTimes,
} from '@/bench/processor-time';
import { renderTable } from '@/bench/table';

test('acts run as many at a time as there are callers, and each once', async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const acts = Array.from({ length: 40 }, (_, index) => async () => {
    running += 1;
    most = Math.max(most, running);
    await delay(5);
    running -= 1;
    done.push(index);
  });
  const block = await runActs(acts, 8);
  expect(most).toBe(8);
  expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index));
  expect(block).toMatchObject({ acts: 40, failed: 0 });
  expect(block.times).toHaveLength(40);
  expect(Math.min(...block.times)).toBeGreaterThan(2);
});

test('an act that says how long it took is believed', async () => {
  expect((await runActs([async () => 7, async () => 9], 1)).times).toEqual([7, 9]);
});

test('a few failures are counted apart, and more end the bench with the first of them', async () => {
  const acts = (failures: number) =>
    Array.from({ length: 40 }, (_, index) => async () => {
      if (index < failures) throw new Error(`number ${index}`);
    });
  expect(await runActs(acts(4), 1)).toMatchObject({ acts: 36, failed: 4 });
  await expect(runActs(acts(5), 1)).rejects.toThrow('number 0');
  await expect(runActs(acts(1).slice(0, 1), 1)).rejects.toThrow('number 0');
});

/** A clock, counts and processor time that move by what the acts say they cost. */
function makeWorld() {
  const seen: string[] = [];
  const spent: DatabaseCounts = { statements: 0, commits: 0, waits: 0, walBytes: 0 };
  let processorMs = 0;
  const probe = (name: string, cost: { ms: number; statements: number; processorMs: number }): Probe => ({
    name,
    prepare: async (acts) => {
      seen.push(`${name} ${acts}`);
      return Array.from({ length: acts }, () => async () => {
        spent.statements += cost.statements;
        spent.walBytes += 100 * cost.statements;
        processorMs += cost.processorMs;
        return cost.ms;
      });
    },
  });
  const instruments: Instruments = {
    counter: {
      begin: async () => {
        const before = { ...spent };
        return async () => ({
          statements: spent.statements - before.statements,
          commits: 0,
          waits: 0,
          walBytes: spent.walBytes - before.walBytes,
        });
      },
      listStatements: async () => new Map([['select', spent.statements]]),
      close: async () => undefined,
    },
    idle: { statements: 0, commits: 0, waits: 0, walBytes: 0 },
    readTimes: (): ProcessorTimes =>
      new Map([
        ['1/1', { part: 'web', ms: processorMs }],
        ['2/2', { part: 'floor', ms: 10 * processorMs }],
      ]),
    parts: ['web', 'database'],
    keepSeen: async () => undefined,
    settle: async () => undefined,
  };
  return { seen, probe, instruments };
}

test('rows are measured in rotating blocks beside what they are compared to, and shown with their ratios', async () => {
  const { seen, probe, instruments } = makeWorld();
  const bounds = { least: 4, most: 4 };
  const makeRow = (id: string, cost: number): Row => ({
    id,
    subject: probe(id, { ms: 10 * cost, statements: 6 * cost, processorMs: 8 * cost }),
    beside: probe(`${id} floor`, { ms: 5, statements: 2, processorMs: 2 }),
    callers: 2,
    isAlone: true,
    acts: bounds,
  });
  const rows = [makeRow('one', 1), makeRow('two', 2)];
  const found = await measureRows(
    rows.map((row) => ({
      row,
      sides: [
        { probe: row.subject, instruments },
        { probe: row.beside, instruments },
      ],
    })),
    { rounds: 2, blockSeconds: 1, say: () => undefined },
  );
  const names = seen.map((each) => each.replace(/ 4$/, ''));
  // The warm-up; then a round with the row first, and one with what is beside it first.
  const warm = ['one', 'one', 'one floor', 'one floor', 'two', 'two', 'two floor', 'two floor'];
  const ahead = ['one', 'one floor', 'one', 'one floor', 'two', 'two floor', 'two', 'two floor'];
  const behind = ['one floor', 'one', 'one floor', 'one', 'two floor', 'two', 'two floor', 'two'];
  expect(names).toEqual([...warm, ...ahead, ...behind]);

  const [two, floor] = found.get(rows[1]!)!;
  expect(two.aloneMs).toEqual([20, 20]);
  expect(two.counts.map(({ statements, walBytes }) => [statements, walBytes])).toEqual([
    [12, 1200],
    [12, 1200],
  ]);
  expect(two.processorMs.map(({ web }) => web)).toEqual([16, 16]);

  const table = renderTable([
    { name: 'two', figures: two, besideName: 'floor', beside: floor, scriptBytes: 12_345 },
  ]);
  const cells = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  expect(cells[2]![1]).toBe('**two**');
  expect(cells[2]![2]).toBe('20.0 ±0%');
  expect(cells[2]!.at(-2)).toBe('12.3');
  expect(cells[4]![1]).toBe('= times');
  expect([cells[4]![2], cells[4]![4], cells[4]![6], cells[4]![9]]).toEqual([
    '4.00 ×',
    '8.00 ×',
    '6.00 ×',
    '6.00 ×',
  ]);
  expect(new Set(table.split('\n').map((line) => line.length)).size).toBe(1);
});

test('what goes on meanwhile ends with its block, and leaves no counts', async () => {
  const { probe, instruments } = makeWorld();
  const going: string[] = [];
  const quiet = probe('quiet', { ms: 5, statements: 2, processorMs: 1 });
  const crowded: Probe = {
    ...probe('crowded', { ms: 20, statements: 2, processorMs: 1 }),
    meanwhile: async () => {
      going.push('begun');
      return async () => void going.push('ended');
    },
  };
  const row: Row = {
    id: 'crowded',
    subject: crowded,
    beside: quiet,
    callers: null,
    isAlone: true,
    acts: { least: 4, most: 4 },
  };
  const found = await measureRows(
    [
      {
        row,
        sides: [
          { probe: crowded, instruments },
          { probe: quiet, instruments },
        ],
      },
    ],
    { rounds: 1, blockSeconds: 1, say: () => undefined },
  );
  expect(going).toEqual(['begun', 'ended', 'begun', 'ended']);
  const [figures, beside] = found.get(row)!;
  expect([figures.aloneMs, beside.aloneMs]).toEqual([[20], [5]]);
  expect([figures.counts, beside.counts.length]).toEqual([[], 1]);
  expect([figures.rates, beside.rates]).toEqual([[], []]);
});

test('a trace says how often each statement is sent an act', async () => {
  const { probe, instruments } = makeWorld();
  const side = { probe: probe('one', { ms: 1, statements: 3, processorMs: 0 }), instruments };
  expect(await traceStatements(side, 5)).toEqual([['select', 3]]);
});

test('processor time is told apart by part, and a thread that ended takes nothing away', () => {
  const before: ProcessorTimes = new Map([
    ['1/1', { part: 'web', ms: 100 }],
    ['2/2', { part: 'database', ms: 50 }],
  ]);
  const after: ProcessorTimes = new Map([
    ['1/1', { part: 'web', ms: 130 }],
    ['1/9', { part: 'web', ms: 5 }],
  ]);
  expect(processorTimeBetween(before, after)).toEqual({
    web: 35,
    dispatcher: 0,
    database: 0,
    floor: 0,
    rest: 0,
  });
});

test('a process that works is seen to work, where the system says so', () => {
  const roots = [{ pid: process.pid, part: 'floor' }] as const;
  const before = readProcessorTimes(roots);
  const until = process.cpuUsage().user + 50_000;
  while (process.cpuUsage().user < until);
  const { floor, web } = processorTimeBetween(before, readProcessorTimes(roots));
  expect(web).toBe(0);
  if (saysProcessorTime) expect(floor).toBeGreaterThan(30);
  else expect(floor).toBe(0);
});
