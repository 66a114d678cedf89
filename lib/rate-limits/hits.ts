import { eq, inArray, sql } from 'drizzle-orm';
import { rateLimits } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
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
  return readHitsLeft(
    entries.map(({ keys, rules }) => ({ hits: hitsOf(keys), rules })),
    now,
  );
}

/** Forgets what was counted for a caller. */
export async function forgetHits(db: Db | Tx, keys: LimitKeys): Promise<void> {
  await db.delete(rateLimits).where(inArray(rateLimits.key, [...keys]));
}

/**
 * Counts a hit against exact sliding windows, all of them or none.
 *
 * The rows are locked in the order of their keys and read after locking, so parallel callers cannot slip past the
 * limit together. Refuses with `retryAt`, the moment the next hit is allowed. On success `left` says what remains, and
 * `refund` takes the hit out again (a right password does not count). In a transaction the rows stay locked until it ends, and
 * what was counted goes with it when it fails.
 */
export async function takeHits(
  db: Db | Tx,
  entries: readonly LimitEntry[],
  now: Date,
): Promise<{ ok: true; left: HitsLeft; refund: () => Promise<void> } | { ok: false; retryAt: Date }> {
  const taken: { key: string; at: Date; hits: Date[]; rules: readonly WindowRule[] }[] = [];
  const refusedUntil = await db.transaction(async (tx) => {
    const stored = await lockHits(tx, entries, now);
    const plan = entries.map(({ keys, rules }) => {
      const all = readWindows(
        keys.flatMap((key) => stored.get(key)!),
        rules,
        now,
      );
      const own = readWindows(stored.get(keys[0])!, rules, now);
      const at = distinctInstant(all.kept, now);
      const longestMs = Math.max(...rules.map((rule) => rule.windowSeconds)) * 1000;
      const emptyAt = new Date(at.getTime() + longestMs);
      return {
        key: keys[0],
        rules,
        at,
        emptyAt,
        retryAt: all.retryAt,
        all: [...all.kept, at],
        own: [...own.kept, at],
      };
    });
    const refusals = plan.flatMap(({ key, retryAt }) => (retryAt === null ? [] : [{ key, retryAt }]));
    for (const { key } of refusals) countRefusal(key.split(':', 1)[0]!);
    if (refusals.length > 0) return new Date(Math.max(...refusals.map(({ retryAt }) => retryAt.getTime())));
    for (const { key, rules, at, emptyAt, all, own } of plan) {
      await tx.update(rateLimits).set({ hits: own, emptyAt }).where(eq(rateLimits.key, key));
      taken.push({ key, at, hits: all, rules });
    }
    return null;
  });
  if (refusedUntil !== null) return { ok: false, retryAt: refusedUntil };
  return {
    ok: true,
    left: readHitsLeft(taken, now),
    refund: async () => {
      for (const { key, at } of taken) {
        await db
          .update(rateLimits)
          .set({ hits: sql`array_remove(${rateLimits.hits}, ${timestamp(at)})` })
          .where(eq(rateLimits.key, key));
      }
    },
  };
}

/**
 * Locks the rows of all keys, making those that are missing, and reads their hits. Those under other secrets are locked
 * too, so that a process with the secrets in another order counts one after the other with this one.
 */
async function lockHits(tx: Tx, entries: readonly LimitEntry[], now: Date): Promise<Map<string, Date[]>> {
  const stored = new Map<string, Date[]>();
  const keys = [...new Set(entries.flatMap((entry) => entry.keys))].sort((a, b) => (a < b ? -1 : 1));
  for (const key of keys) {
    const [row] = await tx
      .insert(rateLimits)
      .values({ key, emptyAt: now })
      .onConflictDoUpdate({ target: rateLimits.key, set: { key } })
      .returning({ hits: rateLimits.hits });
    stored.set(key, row!.hits);
  }
  return stored;
}

/** Removes counters that no longer count, `limit` at most, but for those in use right now. Out: how many. */
export async function pruneLimits(db: Db, now: Date, limit: number): Promise<number> {
  const { rowCount } = await db.execute(sql`
    delete from rate_limits where key = any(array(
      select key from rate_limits where empty_at < ${timestamp(now)}
      order by empty_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
