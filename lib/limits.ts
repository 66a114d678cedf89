import { eq, inArray, sql } from 'drizzle-orm';
import { rateLimits } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { env } from '@/lib/env';
import { keyedNames } from '@/lib/keys';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** At most `limit` within any `windowSeconds`. */
export type WindowRule = { limit: number; windowSeconds: number };

/** `atOnce` at one instant; what is used up comes back evenly, `perHour` in an hour. */
export type BucketRule = { atOnce: number; perHour: number };

/**
 * Every limit of the product, in one table.
 *
 * The exact ones are sliding windows over instants kept in a locked row. The coarse ones are buckets per address and
 * generous enough for an office behind one address: they make guessing and probing expensive, nothing more.
 */
export const limits = {
  /** Codes to one number, over all accounts, in each class: strangers, the holder, signing in and recovering. */
  sendsPerNumber: [
    { limit: 3, windowSeconds: hour },
    { limit: 10, windowSeconds: day },
  ],
  /** Accounts of one network (IPv4: address, IPv6: /48) that ask for codes to one number without holding it. */
  askersPerNetwork: { accounts: 2, windowSeconds: hour },
  /**
   * Wrong codes for one number, over all challenges, in each class; a new code does not reset them (NIST SP 800-63B-4
   * §3.2.2).
   */
  failuresPerNumber: [{ limit: 15, windowSeconds: day }],
  /** "Send me a test text", per number. */
  testTexts: [
    { limit: 3, windowSeconds: hour },
    { limit: 5, windowSeconds: day },
  ],
  /** Answers to texts from one number, of any kind, so that two machines cannot keep answering each other at our cost. */
  repliesPerNumber: [{ limit: 20, windowSeconds: day }],
  /**
   * Of these, confirmations of a STOP have a limit of their own, so that whoever opts out is told (FCC 24-24), and nobody who
   * says STOP and START in turn spends everybody's budget.
   */
  stopConfirmationsPerNumber: [{ limit: 5, windowSeconds: day }],
  wrongTriesPerChallenge: 5,
  secondsBetweenSends: 30,
  codeTtlSeconds: 10 * minute,
  /** Sending again brings the same code while at least this much of its life remains, else a new one. */
  sameCodeMinimumSeconds: 3 * minute,
  /** Without a delivery receipt for this long, the account may be opened without verification. */
  receiptPatienceSeconds: 60,
  /** Wrong passwords for one email by browsers that its account does not know: from one address … */
  passwordsPerEmailAndAddress: [{ limit: 5, windowSeconds: 15 * minute }],
  /** … and from all of them together. When these are spent, only such browsers wait (docs/decisions/0012). */
  passwordsPerEmail: [{ limit: 50, windowSeconds: day }],
  /** By one browser that the account knows, or that is signed in to it: no stranger spends these. */
  passwordsPerKnownBrowser: [
    { limit: 5, windowSeconds: 15 * minute },
    { limit: 20, windowSeconds: day },
  ],
  /** People are told how many tries are left when no more than this many are. */
  lastTries: 3,
  /** Of an IPv4 address and of an IPv6 /64. An office signs in at nine, and its people enter their codes then. */
  perAddress: {
    register: { atOnce: 20, perHour: 200 },
    sign_in: { atOnce: 100, perHour: 600 },
    send: { atOnce: 20, perHour: 200 },
    check: { atOnce: 200, perHour: 1200 },
  },
  /** How many times that an IPv6 /64, /56 and /48 get: a /48 holds 65,536 of the narrowest. */
  perAddressTimes: [1, 2, 4],
} as const satisfies Record<
  string,
  number | readonly (WindowRule | number)[] | Record<string, number | BucketRule>
>;

export type CoarseLimit = keyof typeof limits.perAddress;

/**
 * What sliding windows say of one more hit at `now`.
 *
 * In: the instants of earlier hits, in any order; one further ahead of `now` than a window is long was written by a wrong
 * clock and counts as none in it. Out: `remaining` (how many more are allowed right now, 0 when
 * refused), `retryAt` (the moment the next is allowed; null when it is now) and `kept` (the hits that still count in
 * the longest window: what is worth storing).
 */
export function readWindows(
  hits: readonly Date[],
  rules: readonly WindowRule[],
  now: Date,
): { remaining: number; retryAt: Date | null; kept: Date[] } {
  const times = hits.map((hit) => hit.getTime()).sort((a, b) => a - b);
  let remaining = Infinity;
  let retryAt = -Infinity;
  let longest = 0;
  for (const { limit, windowSeconds } of rules) {
    const windowMs = windowSeconds * 1000;
    longest = Math.max(longest, windowMs);
    const counted = times.filter((time) => Math.abs(now.getTime() - time) < windowMs);
    remaining = Math.min(remaining, Math.max(0, limit - counted.length));
    const blocking = counted[counted.length - limit];
    if (blocking !== undefined) retryAt = Math.max(retryAt, blocking + windowMs);
  }
  return {
    remaining,
    retryAt: retryAt > -Infinity ? new Date(retryAt) : null,
    kept: times.filter((time) => Math.abs(now.getTime() - time) < longest).map((time) => new Date(time)),
  };
}

/** An instant that stands in `hits` only once, so that exactly this hit can be given back later. */
export function distinctInstant(hits: readonly Date[], now: Date): Date {
  const taken = new Set(hits.map((hit) => hit.getTime()));
  let time = now.getTime();
  while (taken.has(time)) time += 1;
  return new Date(time);
}

/**
 * The stored names of a limit's caller, keyed so that the table tells neither addresses nor e-mails: one per secret of
 * AUTH_SECRET. What is new is counted under the first, what stands under any of them counts.
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

/** How many more hits are allowed right now, and the moment at which the next is allowed once these are taken. */
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
 * `giveBack` takes the hit out again (a right password does not count).
 */
export async function takeHits(
  db: Db,
  entries: readonly LimitEntry[],
  now: Date,
): Promise<{ ok: true; left: HitsLeft; giveBack: () => Promise<void> } | { ok: false; retryAt: Date }> {
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
    const refusals = plan.flatMap(({ retryAt }) => (retryAt === null ? [] : [retryAt.getTime()]));
    if (refusals.length > 0) return new Date(Math.max(...refusals));
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
    giveBack: async () => {
      for (const { key, at } of taken) {
        await db
          .update(rateLimits)
          .set({ hits: sql`array_remove(${rateLimits.hits}, ${at.toISOString()}::timestamptz)` })
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
      select key from rate_limits where empty_at < ${now.toISOString()}::timestamptz
      order by empty_at limit ${limit} for update skip locked))`);
  return rowCount ?? 0;
}
