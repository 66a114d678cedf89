import { inArray, is, sql } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import { rateLimits } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { lazyCommit } from '@/db/lazy-commit';
import { timestamp } from '@/db/timestamp';
import { env } from '@/lib/env';
import { keyedNames } from '@/lib/keys';
import { countRefusal } from '@/lib/metrics/meters';
import { distinctInstant, readWindows, type WindowRule } from './sliding-window';

/**
 * The stored names of a limit's caller, keyed so that the table tells neither addresses nor emails: one per secret of
 * AUTH_SECRET. What is new is counted under the first, what was counted under any of them still counts.
 */
export function limitKeys(
  limit: string,
  caller: readonly string[],
  secrets: readonly [string, ...string[]] = env().authSecrets,
): LimitKeys {
  const [first, ...others] = keyedNames(secrets, 'limit/v1', JSON.stringify([limit, ...caller]));
  return [`${limit}:${first}`, ...others.map((name) => `${limit}:${name}`)];
}

export type LimitKeys = readonly [string, ...string[]];

/** What is counted, and by which rules. */
export type LimitEntry = { keys: LimitKeys; rules: readonly WindowRule[] };

/** How many more hits are allowed right now, and when the next is allowed once these are taken. */
export type HitsLeft = { count: number; thenAt: Date };

function readHitsLeft(
  counted: readonly { hits: readonly Date[]; rules: readonly WindowRule[] }[],
  now: Date,
): HitsLeft {
  const count = Math.min(...counted.map(({ hits, rules }) => readWindows(hits, rules, now).remaining));
  const coming = Array<Date>(count).fill(now);
  const retries = counted.map(({ hits, rules }) => readWindows([...hits, ...coming], rules, now).retryAt);
  return { count, thenAt: new Date(Math.max(...retries.map((retryAt) => (retryAt ?? now).getTime()))) };
}

/** What `takeHits` would allow, without counting anything: for words, not for decisions. */
export async function peekHits(db: Db, entries: readonly LimitEntry[], now: Date): Promise<HitsLeft> {
  return readHitsLeft(await readCounted(db, entries), now);
}

/** The same of each by itself, in one statement. */
export async function peekEachHits(db: Db, entries: readonly LimitEntry[], now: Date): Promise<HitsLeft[]> {
  return (await readCounted(db, entries)).map((counted) => readHitsLeft([counted], now));
}

async function readCounted(
  db: Db,
  entries: readonly LimitEntry[],
): Promise<{ hits: Date[]; rules: readonly WindowRule[] }[]> {
  const rows = await db
    .select()
    .from(rateLimits)
    .where(
      inArray(
        rateLimits.key,
        entries.flatMap(({ keys }) => keys),
      ),
    );
  const hitsOf = (keys: LimitKeys) =>
    rows.filter(({ key }) => keys.includes(key)).flatMap(({ hits }) => hits);
  return entries.map(({ keys, rules }) => ({ hits: hitsOf(keys), rules }));
}

/** Forgets what was counted for a caller. */
export async function forgetHits(db: Db | Tx, keys: LimitKeys): Promise<void> {
  await db.delete(rateLimits).where(inArray(rateLimits.key, [...keys]));
}

/** What was counted: under which name, when, and all hits that count now. */
type Taken = { key: string; at: Date; hits: Date[]; rules: readonly WindowRule[] };

/**
 * Counts a hit against exact sliding windows, all of them or none.
 *
 * The rows are locked in the order of their keys and read as they are then, so parallel callers cannot slip past the
 * limit together. Refuses with `retryAt`, the moment the next hit is allowed. On success `left` says what remains, and
 * `refund` takes the hit out again (a right password does not count). In a transaction the rows stay locked until it ends, and
 * what was counted goes with it when it fails.
 */
export async function takeHits(
  db: Db | Tx,
  entries: readonly LimitEntry[],
  now: Date,
): Promise<{ ok: true; left: HitsLeft; refund: () => Promise<void> } | { ok: false; retryAt: Date }> {
  const outcome = await tryTake(db, entries, now);
  // The row is there now, and can be locked.
  if (outcome === 'made_by_others') return takeHits(db, entries, now);
  if (!outcome.ok) return outcome;
  const { taken } = outcome;
  return { ok: true, left: readHitsLeft(taken, now), refund: () => giveBack(db, taken) };
}

async function tryTake(
  db: Db | Tx,
  entries: readonly LimitEntry[],
  now: Date,
): Promise<{ ok: true; taken: Taken[] } | { ok: false; retryAt: Date } | 'made_by_others'> {
  const names = [...new Set(entries.flatMap(({ keys }) => keys))];
  const isOutermost = !is(db, PgTransaction);
  try {
    return await db.transaction(async (tx) => {
      // Those under other secrets are locked, too, so that a process with the secrets in another order counts one after the
      // other with this one.
      const rows = await tx
        .select({ key: rateLimits.key, hits: rateLimits.hits })
        .from(rateLimits)
        .where(inArray(rateLimits.key, names))
        .orderBy(rateLimits.key)
        .for('update');
      const stored = new Map(rows.map(({ key, hits }) => [key, hits]));
      const plan = entries.map(({ keys, rules }) => {
        const hitsOf = (some: readonly string[]) => some.flatMap((key) => stored.get(key) ?? []);
        const all = readWindows(hitsOf(keys), rules, now);
        const own = readWindows(hitsOf([keys[0]]), rules, now);
        const at = distinctInstant(all.kept, now);
        const longestMs = Math.max(...rules.map((rule) => rule.windowSeconds)) * 1000;
        const emptyAt = new Date(at.getTime() + longestMs);
        const [key] = keys;
        return {
          key,
          rules,
          at,
          emptyAt,
          retryAt: all.retryAt,
          hits: [...all.kept, at],
          own: [...own.kept, at],
        };
      });
      const refusals = plan.flatMap(({ key, retryAt }) => (retryAt === null ? [] : [{ key, retryAt }]));
      for (const { key } of refusals) countRefusal(key.split(':', 1)[0]!);
      if (refusals.length > 0) {
        return {
          ok: false,
          retryAt: new Date(Math.max(...refusals.map(({ retryAt }) => retryAt.getTime()))),
        };
      }
      const counted = plan.map(({ key, own, emptyAt }) => ({ key, hits: own, emptyAt }));
      const missing = names.filter((key) => !stored.has(key) && !counted.some((row) => row.key === key));
      const written = [...counted, ...missing.map((key) => ({ key, hits: [], emptyAt: now }))];
      await writeHits(tx, written, { known: [...stored.keys()], isOutermost });
      return { ok: true, taken: plan };
    });
  } catch (error) {
    if (error instanceof MadeByOthers) return 'made_by_others';
    throw error;
  }
}

/** Someone counted a first hit between the look and the write: a row that is not there yet cannot be locked. */
class MadeByOthers extends Error {}

/**
 * Writes rows of hits: those that are `known`, and so locked, and those that were not there yet. New rows come
 * first, in the order of their keys: an insertion waits for whoever inserts or has changed a row of its key, but not for whoever
 * only locked it, so nobody waits in a circle.
 */
async function writeHits(
  tx: Tx,
  rows: readonly { key: string; hits: Date[]; emptyAt: Date }[],
  { known, isOutermost }: { known: string[]; isOutermost: boolean },
): Promise<void> {
  const given = JSON.stringify(rows.map(({ key, hits, emptyAt }) => ({ key, hits, empty_at: emptyAt })));
  const { rows: written } = await tx.execute<{ count: number }>(sql`
    with given as materialized (
      select key, hits, empty_at, key = any(${sql.param(known)}::text[]) as is_known
      from jsonb_to_recordset(${given}::jsonb) as given (key text, hits timestamptz[], empty_at timestamptz)
    ), made as (
      insert into rate_limits (key, hits, empty_at)
      select key, hits, empty_at from given where not is_known order by key
      on conflict (key) do nothing
      returning 1
    ), counted as (
      update rate_limits set hits = given.hits, empty_at = given.empty_at
      from given where is_known and rate_limits.key = given.key and (select count(*) from made) >= 0
      returning 1
    )
    select ((select count(*) from counted) + (select count(*) from made))::int as count
    from (${isOutermost ? lazyCommit : sql`select`}) as lazily`);
  if (written[0]!.count !== rows.length) throw new MadeByOthers();
}

async function giveBack(db: Db | Tx, taken: readonly Taken[]): Promise<void> {
  const keys = sql.param(taken.map(({ key }) => key));
  await db.execute(sql`
    with held as materialized (
      select key from rate_limits where key = any(${keys}::text[]) order by key for update
    )
    update rate_limits set hits = array_remove(hits, given.at)
    from unnest(${keys}::text[], ${sql.param(taken.map(({ at }) => at.toISOString()))}::timestamptz[]) as given (key, at),
      held, (${is(db, PgTransaction) ? sql`select` : lazyCommit}) as lazily
    where rate_limits.key = given.key and held.key = given.key`);
}

/** Removes counters that no longer count, `limit` at most, but for those in use right now. Out: how many. */
export async function pruneLimits(db: Db, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from rate_limits where key = any(array(
      select key from rate_limits where empty_at < ${timestamp(now)}
      order by empty_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
