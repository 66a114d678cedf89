import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import type { Log } from '@/lib/log';
import { readCounted, setFlush, type SeriesValues } from './meters';

const everyMs = 10_000;
const patienceMs = 2_000;

/**
 * Adds what this process counts to the sums of the installation (`metric_sums`), every ten seconds in one statement, so that
 * any web server can tell all of it. A process that crashes loses what it counted since; while the database does not answer,
 * the counts are kept and added later.
 *
 * `flush` does so at once. `stop` does it for the last time, and so does `flushCounts`; both give up after two seconds, so that no
 * database that is away keeps a process from ending.
 */
export function shareCounts({
  db,
  log,
  every = everyMs,
  read = readCounted,
}: {
  db: () => Db;
  log: () => Log;
  /** In milliseconds. */
  every?: number;
  /** For tests: what a process has counted. */
  read?: () => Promise<SeriesValues>;
}): { flush: () => Promise<void>; stop: () => Promise<void> } {
  const written: SeriesValues = new Map();
  let underWay = Promise.resolve();
  let isFailing = false;

  const write = async (): Promise<void> => {
    try {
      const counted = await read();
      const more = [...counted]
        .map(([series, value]) => ({ series, value: value - (written.get(series) ?? 0) }))
        .filter(({ value }) => value > 0);
      if (more.length > 0) await addCounts(db(), more);
      for (const { series } of more) written.set(series, counted.get(series)!);
      isFailing = false;
    } catch (error) {
      if (!isFailing) log().warn('metrics_not_written', { error });
      isFailing = true;
    }
  };
  const flush = () => (underWay = underWay.then(write));
  const timer = setInterval(() => void flush(), every);
  timer.unref();
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    const patience = new AbortController();
    const silence = delay(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([flush(), silence]);
    patience.abort();
  };
  setFlush(stop);
  return { flush, stop };
}

/** Every process locks the rows in the same order, so that none waits for the other in a circle. */
async function addCounts(db: Db, more: readonly { series: string; value: number }[]): Promise<void> {
  await db.execute(sql`
    insert into metric_sums as known (series, value)
    select series, value from jsonb_to_recordset(${JSON.stringify(more)}::jsonb) as more (series text, value float8)
    order by series
    on conflict (series) do update set value = known.value + excluded.value`);
}
