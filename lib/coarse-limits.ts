import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis';
import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { addressBlock } from '@/lib/client-address';
import { env } from '@/lib/env';
import { limitKey, limits, type CoarseLimit, type WindowRule } from '@/lib/limits';

/** A request to Redis is given up after this long, so a hanging Redis neither opens the door nor blocks it … */
const redisTimeoutMs = 300;

/** … and after a fault it is left alone for this long, so that not every request waits for it. */
const redisRestMs = 5_000;

/**
 * Counts one request of an address against a coarse limit of the policy table.
 *
 * Upstash decides when it is configured and answers in time and in sense, PostgreSQL otherwise. Refuses with `retryAt`.
 */
export async function takeCoarseHit(
  db: Db,
  limit: CoarseLimit,
  address: string,
  now: Date,
): Promise<{ ok: true } | { ok: false; retryAt: Date }> {
  const rule = limits.perAddress[limit];
  const key = limitKey(limit, addressBlock(address));
  const answer = await askUpstash(limit, key, rule, now);
  return answer ?? takeFromBucket(db, key, rule, now);
}

/** One conditional upsert: a leaky bucket of `limit` that drains over `windowSeconds`. */
async function takeFromBucket(
  db: Db,
  key: string,
  { limit, windowSeconds }: WindowRule,
  now: Date,
): Promise<{ ok: true } | { ok: false; retryAt: Date }> {
  const at = sql`${now.toISOString()}::timestamptz`;
  const step = sql`make_interval(secs => ${windowSeconds / limit})`;
  const room = sql`make_interval(secs => ${windowSeconds - windowSeconds / limit})`;
  const taken = await db.execute(sql`
    insert into rate_limits as bucket (key, empty_at) values (${key}, ${at} + ${step})
    on conflict (key) do update set empty_at = greatest(bucket.empty_at, ${at}) + ${step}
    where greatest(bucket.empty_at, ${at}) - ${at} <= ${room}
    returning 1`);
  if (taken.rows.length > 0) return { ok: true };
  const { rows } = await db.execute<{ retry_at: Date | string | null }>(
    sql`select empty_at - ${room} as retry_at from rate_limits where key = ${key}`,
  );
  return { ok: false, retryAt: new Date(rows[0]?.retry_at ?? now) };
}

const limiters = new Map<CoarseLimit, Ratelimit>();

/** When this process last met a fault of Redis, in milliseconds. */
let faultedAt = -Infinity;

/** Null: not configured, or not to be relied on just now. */
async function askUpstash(
  limit: CoarseLimit,
  key: string,
  rule: WindowRule,
  now: Date,
): Promise<{ ok: true } | { ok: false; retryAt: Date } | null> {
  const { upstash } = env();
  if (!upstash) return null;
  const sinceFaultMs = now.getTime() - faultedAt;
  if (sinceFaultMs >= 0 && sinceFaultMs < redisRestMs) return null;
  let limiter = limiters.get(limit);
  if (!limiter) {
    limiter = new Ratelimit({
      redis: new Redis({
        ...upstash,
        retry: false,
        enableTelemetry: false,
        signal: () => AbortSignal.timeout(redisTimeoutMs),
      }),
      limiter: Ratelimit.slidingWindow(rule.limit, `${rule.windowSeconds} s`),
      prefix: 'doorstep',
      timeout: 0,
      analytics: false,
      ephemeralCache: false,
    });
    limiters.set(limit, limiter);
  }
  try {
    const answer = await limiter.limit(key);
    if (!isSound(answer, rule)) throw new TypeError('Redis answered something else than the counter');
    return answer.success ? { ok: true } : { ok: false, retryAt: new Date(answer.reset) };
  } catch {
    faultedAt = now.getTime();
    return null;
  }
}

/** The script answers what remains and the limit that it was given; the library hands on whatever came instead. */
function isSound({ remaining, limit }: { remaining: number; limit: number }, rule: WindowRule): boolean {
  return limit === rule.limit && Number.isInteger(remaining);
}
