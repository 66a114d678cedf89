import { setTimeout as delay } from 'node:timers/promises';
import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { timestamp } from '@/db/timestamp';

/** Clocks drift by seconds a day at worst; what an administrator sets on the database's machine is seen within this. */
const everyMs = 3_000;

/** For the first reading only: whoever starts is not kept by a database that does not answer. */
const firstPatienceMs = 3_000;

/** An answer that took longer says too little about when it was read. */
const bearableTripMs = 1_000;

/** NTP keeps clocks within milliseconds. */
const bearableSkewMs = 2_000;

/**
 * No text and no mail is ever put off for longer: quiet hours and budgets hold for a day or little more, pauses between tries for half
 * a day. What waits for more was written by a clock that was ahead, and set right since.
 */
export const furthestPutOff = sql`interval '3 days'`;

/** No file and no bulk move waits for longer until it is gone on with: the longest pause, behind a fault of a file, is under eleven minutes. */
const furthestTurn = sql`interval '15 minutes'`;

/** Whether the turn of a job has come; one further ahead than any is put off was written by a clock that was ahead, and set right since. */
export function isTurn(nextAt: SQL, now: Date): SQL {
  return sql`(${nextAt} <= ${timestamp(now)} or ${nextAt} > ${timestamp(now)} + ${furthestTurn})`;
}

// Next bundles what starts a server apart from what answers requests; both mean one clock.
const holder = globalThis as typeof globalThis & { doorstepClock?: Reading };

/** What the database said, and when, by this process's own ticks: no clock that someone sets moves those. */
type Reading = { databaseMs: number; tickMs: number };

/**
 * The moment it is by the database's clock, as far as this process knows it (`keepDatabaseClock`): the last reading, and what has
 * passed since, whatever is set on this machine meanwhile. By this machine's own clock until there is one. Every web server and worker
 * tells the same time by it.
 */
export function databaseNow(): Date {
  const last = holder.doorstepClock;
  return new Date(
    last === undefined ? Date.now() : Math.round(last.databaseMs + performance.now() - last.tickMs),
  );
}

/** Asks the database what time it is, in whole milliseconds. */
export async function readDatabaseClock(db: Db): Promise<Date> {
  const { rows } = await db.execute<{ now_ms: number }>(
    sql`select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`,
  );
  return new Date(Math.round(rows[0]!.now_ms));
}

/**
 * Keeps `databaseNow` by the database's clock until stopped: reads it now and every three seconds. While the database does
 * not answer, what was read last goes on. `onSkew` is told, once, how far this machine's clock is ahead, in
 * milliseconds, when that is more than two seconds.
 *
 * Resolves after the first reading, or after three seconds without one.
 */
export async function keepDatabaseClock(
  db: Db,
  { onSkew }: { onSkew: (aheadMs: number) => void },
): Promise<{ stop(): void }> {
  let isUnderWay = false;
  let isTold = false;
  const read = async (): Promise<void> => {
    if (isUnderWay) return;
    isUnderWay = true;
    try {
      const before = performance.now();
      const databaseMs = (await readDatabaseClock(db)).getTime();
      const after = performance.now();
      if (after - before > bearableTripMs) return;
      holder.doorstepClock = { databaseMs, tickMs: (before + after) / 2 };
      const behindMs = databaseNow().getTime() - Date.now();
      if (!isTold && Math.abs(behindMs) > bearableSkewMs) {
        isTold = true;
        onSkew(Math.round(-behindMs));
      }
    } catch {
      // The database may be restarting; its clock goes on.
    } finally {
      isUnderWay = false;
    }
  };
  const timer = setInterval(() => void read(), everyMs);
  timer.unref();
  const patience = new AbortController();
  const silence = delay(firstPatienceMs, undefined, { signal: patience.signal }).catch(() => undefined);
  await Promise.race([read(), silence]);
  patience.abort();
  return { stop: () => clearInterval(timer) };
}
