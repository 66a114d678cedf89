import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { metricSums } from '@/db/schema/metrics';
import { meterSpecs, refusalRules } from '@/lib/metrics/catalog';
import {
  countEvent,
  countRefusal,
  measureSeconds,
  readCounted,
  type SeriesValues,
} from '@/lib/metrics/meters';
import { shareCounts } from '@/lib/metrics/share-counts';
import { openLog } from '@/lib/log';
import { printMetrics } from '@/lib/reporting/print-metrics';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { noon } from '@/tests/support/people';

const database = useDatabase();
const never = 2 ** 30;
const silent = () => openLog({ write: () => undefined });

beforeEach(async () => {
  await database.db.delete(metricSums);
});

/** A process that counts what `counted` says. */
function makeProcess(counted: SeriesValues) {
  return shareCounts({
    db: () => database.db,
    log: silent,
    every: never,
    read: async () => new Map(counted),
  });
}

async function readSums(): Promise<Record<string, number>> {
  const rows = await database.db.select().from(metricSums);
  return Object.fromEntries(rows.map(({ series, value }) => [series, value]));
}

async function print(): Promise<Map<string, number>> {
  const { text } = await printMetrics(database.db, noon);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, series, value] = /^(.*) (\S+)$/.exec(line)!;
      return [series!, Number(value)];
    }),
  );
}

test('whatever processes count, write and restart in whatever order, the sum is all that was written, and never falls', async () => {
  const act = fc.record({
    process: fc.nat(2),
    act: fc.constantFrom('count', 'write', 'restart'),
    series: fc.constantFrom('a{}', 'b{}', 'c{}'),
    by: fc.integer({ min: 1, max: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
      await database.db.delete(metricSums);
      const begin = () => {
        const counted: SeriesValues = new Map();
        return { counted, unwritten: new Map<string, number>(), sharing: makeProcess(counted) };
      };
      const processes = [begin(), begin(), begin()];
      const expected: Record<string, number> = {};
      for (const { process, act, series, by } of acts) {
        const own = processes[process]!;
        if (act === 'count') {
          own.counted.set(series, (own.counted.get(series) ?? 0) + by);
          own.unwritten.set(series, (own.unwritten.get(series) ?? 0) + by);
        } else if (act === 'write') {
          await own.sharing.flush();
          for (const [name, more] of own.unwritten) expected[name] = (expected[name] ?? 0) + more;
          own.unwritten.clear();
        } else {
          // As if killed: what was not written is lost, and nothing else.
          processes[process] = begin();
        }
        expect(await readSums()).toEqual(expected);
      }
    }),
    { numRuns: 25 },
  );
});

test('what two processes count is one figure, and the first event of a kind is an increase from zero', async () => {
  const series = 'doorstep_refusals_total{"rule":"send_limit"}';
  const printed = 'doorstep_refusals_total{rule="send_limit"}';
  expect((await print()).get(printed)).toBe(0);
  await makeProcess(new Map([[series, 2]])).stop();
  await makeProcess(new Map([[series, 3]])).stop();
  expect((await print()).get(printed)).toBe(5);
});

test('while the database does not answer counts are kept, said once, and added later', async () => {
  const counted: SeriesValues = new Map([['a{}', 1]]);
  const said: string[] = [];
  let isAway = true;
  const sharing = shareCounts({
    db: () => {
      if (isAway) throw new Error('away');
      return database.db;
    },
    log: () => openLog({ write: (line) => said.push(line) }),
    every: never,
    read: async () => new Map(counted),
  });
  await sharing.flush();
  counted.set('a{}', 4);
  await sharing.flush();
  expect(said).toHaveLength(1);
  expect(said[0]).toContain('metrics_not_written');
  isAway = false;
  await sharing.flush();
  expect(await readSums()).toEqual({ 'a{}': 4 });
});

test('a database that never answers keeps no process from ending', async () => {
  const sharing = shareCounts({
    db: () => database.db,
    log: silent,
    every: never,
    read: () => new Promise(() => undefined),
  });
  const beganMs = performance.now();
  await sharing.stop();
  expect(performance.now() - beganMs).toBeLessThan(10_000);
});

test('processes that write the same series at once do not wait for each other in a circle', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `series${index}{}`);
  const processes = Array.from({ length: 12 }, (_, index) => {
    const inSomeOrder = index % 2 === 0 ? names : [...names].reverse();
    return makeProcess(new Map(inSomeOrder.map((name) => [name, 1])));
  });
  await Promise.all(processes.map(({ stop }) => stop()));
  expect(await readSums()).toEqual(Object.fromEntries(names.map((name) => [name, 12])));
});

test('counts are written in one statement, in none where nothing happened, and read in seven', async () => {
  const counted: SeriesValues = new Map([
    ['a{}', 1],
    ['b{}', 1],
  ]);
  const sharing = makeProcess(counted);
  const count = async (run: () => Promise<unknown>) => (await recordStatements(database.pool, run)).length;
  expect(await count(sharing.flush)).toBe(1);
  expect(await count(sharing.flush)).toBe(0);
  // The sums; and in a transaction with a time limit of its own: the queue and the budget.
  expect(await count(() => printMetrics(database.db, noon))).toBe(9);
});

test('a process counts by name and labels, with every bucket that is at least as wide', async () => {
  const before = await readCounted();
  measureSeconds('sends', { purpose: 'update', outcome: 'sent' }, 0.3);
  countEvent('webhookRefusals', { webhook: 'status', reason: 'cut' });
  const after = await readCounted();
  const more = [...after].filter(([series, value]) => value !== before.get(series));
  expect(Object.fromEntries(more.map(([series, value]) => [series, value - before.get(series)!]))).toEqual({
    'doorstep_webhook_refusals_total{"reason":"cut","webhook":"status"}': 1,
    'doorstep_sms_send_seconds_count{"outcome":"sent","purpose":"update"}': 1,
    'doorstep_sms_send_seconds_sum{"outcome":"sent","purpose":"update"}': 0.3,
    ...Object.fromEntries(
      [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, '"+Inf"'].map((le) => [
        `doorstep_sms_send_seconds_bucket{"le":${le},"outcome":"sent","purpose":"update"}`,
        1,
      ]),
    ),
  });
});

test('no name from outside becomes a series: a rule that nobody knows is another one, and a row that nobody knows is not shown', async () => {
  const before = await readCounted();
  countRefusal('<script>+15551234567');
  const after = await readCounted();
  expect([...after.keys()]).toEqual([...before.keys()]);
  const other = 'doorstep_refusals_total{"rule":"other"}';
  expect(after.get(other)! - before.get(other)!).toBe(1);

  const known = [...(await print()).keys()];
  expect(known.length).toBeLessThan(1_000);
  await database.db.insert(metricSums).values({ series: 'doorstep_refusals_total{"rule":"odd"}', value: 1 });
  expect([...(await print()).keys()]).toEqual(known);
});

test('every rule that is counted in rate_limits has a name among the figures', () => {
  const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const named = files.flatMap((file) =>
    [...readFileSync(`lib/${file}`, 'utf8').matchAll(/limitKeys\(\s*'(\w+)'/g)].map(([, name]) => name!),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !(refusalRules as readonly string[]).includes(name))).toEqual([]);
});

test('every meter is printed with its help and its type', async () => {
  const { text } = await printMetrics(database.db, noon);
  for (const spec of Object.values(meterSpecs)) {
    const type = 'buckets' in spec ? 'histogram' : 'counter';
    expect(text).toContain(`# HELP ${spec.name} ${spec.help}\n# TYPE ${spec.name} ${type}\n`);
  }
});
