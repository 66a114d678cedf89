import { actsFor, median, perAct } from './figures';
import { runActs, type Block, type Probe } from './block';
import type { DatabaseCounter, DatabaseCounts } from './database-counts';
import { processorTimeBetween, type Part, type ProcessorTimes } from './processor-time';

/** What is done, and what it is compared to. */
export type Row = {
  /** What `--only` names it by. */
  id: string;
  subject: Probe;
  beside: Probe;
  /** How many at a time, where it is measured under load; null: it is measured alone only. */
  callers: number | null;
  /** Whether it is measured by one caller, too. */
  isAlone: boolean;
  /** The fewest and the most acts of a block. */
  acts: { least: number; most: number };
  /** The page whose scripts a browser loads for this. */
  page?: 'register' | 'login' | 'code' | 'dashboard';
};

/** What each block came to. NaN: not measured. */
export type Figures = {
  /** The median time of an act by one caller, in milliseconds, by block. */
  aloneMs: number[];
  /** Acts in a second by all callers, by block. */
  rates: number[];
  /** Milliseconds of processor time an act, by part and block. */
  processorMs: Record<Part, number>[];
  /** Per act, by block. */
  counts: DatabaseCounts[];
  /** Acts that failed, over all blocks. */
  failed: number;
};

/** What the system under a probe can be asked. */
export type Instruments = {
  counter: DatabaseCounter;
  /** What the database is asked in a second while nobody does anything. */
  idle: DatabaseCounts;
  readTimes: () => ProcessorTimes;
  /** Whose work an act's is; what others do meanwhile is not counted. */
  parts: readonly Part[];
  /** Lets nobody's visit count as their first in a while; comes before acts are prepared. */
  keepSeen: () => Promise<void>;
  /** Resolves when nothing that an act has caused is still going on. */
  settle: () => Promise<void>;
};

type Sizes = { alone: number; together: number };

/** A row's two sides in the same order as they are measured. */
export type Side = { probe: Probe; instruments: Instruments };

/**
 * Measures rows in rotating blocks: in each round every row has its turn, and beside each block of the row stands one of what it is
 * compared to, now before it and now after it. Acts of the first, uncounted round warm everything up and tell how many fill a block.
 *
 * @param blockSeconds about how long each block is to take
 */
export async function measureRows(
  rows: readonly { row: Row; sides: readonly [Side, Side] }[],
  { rounds, blockSeconds, say }: { rounds: number; blockSeconds: number; say: (line: string) => void },
): Promise<Map<Row, readonly [Figures, Figures]>> {
  const found = new Map<Row, readonly [Figures, Figures]>();
  const sizes = new Map<Side, Sizes>();
  for (const { row, sides } of rows) {
    say(`Warming up: ${row.subject.name}`);
    found.set(row, [noFigures(), noFigures()]);
    for (const side of sides) sizes.set(side, await warmUp(row, side, blockSeconds));
  }
  for (let round = 0; round < rounds; round += 1) {
    say(`Round ${round + 1} of ${rounds}`);
    for (const { row, sides } of rows) {
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      for (const which of order as (0 | 1)[]) {
        if (row.isAlone)
          await measureAlone(sides[which], sizes.get(sides[which])!.alone, found.get(row)![which]);
      }
      for (const which of order as (0 | 1)[]) {
        const { callers } = row;
        if (callers === null) continue;
        const side = sides[which];
        await measureTogether(side, sizes.get(side)!.together, callers, found.get(row)![which]);
      }
    }
  }
  return found;
}

/**
 * The statements of one act, by their text: how often each is sent an act. One caller does them one by one, but where they are only done
 * all at once. What the system does anyway is among them.
 */
export async function traceStatements(
  { probe, instruments }: Side,
  acts: number,
): Promise<[string, number][]> {
  await runBlock(probe, 1, 1);
  await instruments.keepSeen();
  const ready = await probe.prepare(acts);
  await instruments.settle();
  const before = await instruments.counter.listStatements();
  await during(probe, () => runActs(ready, probe.callers ?? 1));
  await instruments.settle();
  const after = await instruments.counter.listStatements();
  return [...after]
    .map(([text, calls]): [string, number] => [text, (calls - (before.get(text) ?? 0)) / acts])
    .filter(([, calls]) => calls > 0)
    .sort(([, a], [, b]) => b - a);
}

/** What a database is asked in a second while nobody does anything: the median of several looks. */
export async function measureIdle(
  counter: DatabaseCounter,
  { looks, lookMs }: { looks: number; lookMs: number },
): Promise<DatabaseCounts> {
  const seen: DatabaseCounts[] = [];
  for (let look = 0; look < looks; look += 1) {
    const end = await counter.begin();
    await new Promise((resolve) => setTimeout(resolve, lookMs));
    seen.push(await end());
  }
  const perSecond = (name: keyof DatabaseCounts) => median(seen.map((each) => each[name])) / (lookMs / 1000);
  return {
    statements: perSecond('statements'),
    commits: perSecond('commits'),
    waits: perSecond('waits'),
    walBytes: perSecond('walBytes'),
  };
}

function noFigures(): Figures {
  return { aloneMs: [], rates: [], processorMs: [], counts: [], failed: 0 };
}

async function warmUp(row: Row, { probe, instruments }: Side, blockSeconds: number): Promise<Sizes> {
  const alone = row.isAlone ? await runBlock(probe, row.acts.least, 1) : null;
  const together =
    row.callers === null
      ? null
      : await runBlock(
          probe,
          Math.max(row.acts.least, Math.min(2 * row.callers, row.acts.most)),
          row.callers,
        );
  await instruments.settle();
  return {
    alone: alone ? actsFor(blockSeconds, alone, row.acts) : 0,
    together: together ? actsFor(blockSeconds, together, row.acts) : 0,
  };
}

async function measureAlone({ probe, instruments }: Side, acts: number, figures: Figures): Promise<void> {
  await instruments.keepSeen();
  const ready = await probe.prepare(acts);
  await instruments.settle();
  const { counter, idle } = instruments;
  const end = await counter.begin();
  const startedAt = performance.now();
  const block = await during(probe, () => runActs(ready, 1));
  await instruments.settle();
  const counted = await end();
  const seconds = (performance.now() - startedAt) / 1000;
  const each = (name: keyof DatabaseCounts) =>
    perAct(counted[name], { acts: block.acts, seconds, perSecond: idle[name] });
  figures.failed += block.failed;
  figures.aloneMs.push(median(block.times));
  // What goes on meanwhile cannot be told from the acts.
  if (probe.meanwhile) return;
  figures.counts.push({
    statements: each('statements'),
    commits: each('commits'),
    waits: each('waits'),
    walBytes: each('walBytes'),
  });
}

async function measureTogether(
  { probe, instruments }: Side,
  acts: number,
  callers: number,
  figures: Figures,
): Promise<void> {
  await instruments.keepSeen();
  const ready = await probe.prepare(acts);
  await instruments.settle();
  const before = instruments.readTimes();
  const block = await during(probe, () => runActs(ready, probe.callers ?? callers));
  await instruments.settle();
  const used = processorTimeBetween(before, instruments.readTimes());
  figures.failed += block.failed;
  figures.rates.push(block.acts / block.seconds);
  figures.processorMs.push(
    Object.fromEntries(
      Object.entries(used).map(([part, ms]) => [
        part,
        instruments.parts.includes(part as Part) ? ms / block.acts : 0,
      ]),
    ) as Record<Part, number>,
  );
}

async function runBlock(probe: Probe, acts: number, callers: number): Promise<Block> {
  const ready = await probe.prepare(acts);
  return during(probe, () => runActs(ready, probe.callers ?? callers));
}

async function during<Value>({ meanwhile }: Probe, run: () => Promise<Value>): Promise<Value> {
  const end = await meanwhile?.();
  try {
    return await run();
  } finally {
    await end?.();
  }
}
