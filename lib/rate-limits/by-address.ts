import { Ratelimit } from '@upstash/ratelimit';
import { Redis } from '@upstash/redis';
import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { lazyCommit } from '@/db/lazy-commit';
import { timestamp } from '@/db/timestamp';
import { addressBlocks } from '@/lib/client-address';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { countRefusal } from '@/lib/metrics/meters';
import { believedAheadMs } from '@/lib/stored-moment';
import { limitKeys } from './hits';
import { type AddressLimit, type BucketRule } from './limits';
import { limits } from './limits';

/** A request to Redis is given up after this long, so a hanging Redis neither opens the door nor blocks it … */
const redisTimeoutMs = 300;

/** … and after a fault it is left alone for this long, so that not every request waits for it. */
const redisRestMs = 5_000;

/** A bucket of one block of addresses: what it is counted under, and what fits into it. */
type Bucket = { key: string; rule: BucketRule };

type Verdict = { ok: true } | { ok: false; retryAt: Date };

/**
 * Counts one request of an address against a coarse limit of the policy table: an IPv6 address in the buckets of its /64,
 * its /56 and its /48, in all of them or in none.
 *
 * Upstash decides when it is configured and answers in time and in sense, PostgreSQL otherwise. Refuses with `retryAt`:
 * when all of them have room again.
 */
export async function takeAddressHit(
  db: Db,
  limit: AddressLimit,
  address: string,
  now: Date,
): Promise<Verdict> {
  const buckets = addressBlocks(address).map((block, index) => ({
    // Read under this name alone: a new secret gives everyone a fresh bucket, which refuses nobody.
    key: limitKeys(limit, [block])[0],
    rule: widen(limits.perAddress[limit], limits.perAddressTimes[index]!),
  }));
  const verdict = (await askUpstash(buckets, now)) ?? (await takeFromBuckets(db, buckets, now));
  if (!verdict.ok) countRefusal(`address_${limit}`);
  return verdict;
}

function widen({ atOnce, perHour }: BucketRule, times: number): BucketRule {
  return { atOnce: atOnce * times, perHour: perHour * times };
}

/** After how many milliseconds one more fits into a bucket. */
function stepMsOf({ perHour }: BucketRule): number {
  return 3_600_000 / perHour;
}

/**
 * One statement locks the rows of all buckets in the order of their keys, reads them as they are then, and takes from
 * all of them if each has room: leaky buckets, of which a row says when it is empty again. A moment further
 * ahead than a full bucket takes to empty was written by a wrong clock, and counts as none (`believedAheadMs`). A row
 * that does not exist yet cannot be locked: where others make it meanwhile, it is asked again by itself, and if it refuses then,
 * the others have counted one too many.
 */
async function takeFromBuckets(db: Db, buckets: readonly Bucket[], now: Date): Promise<Verdict> {
  const at = timestamp(now);
  const listOf = <Value>(read: (bucket: Bucket) => Value) => sql.param(buckets.map(read));
  const { rows } = await db.execute<{ free_at: Date | string; taken: string[] | null }>(sql`
    with asked as (
      select key, make_interval(secs => step) as step, make_interval(secs => step * size) as depth
      from unnest(${listOf(({ key }) => key)}::text[], ${listOf(({ rule }) => stepMsOf(rule) / 1000)}::float8[],
        ${listOf(({ rule }) => rule.atOnce)}::int[]) as asked (key, step, size)
    ), held as (
      select key, empty_at from rate_limits where key = any(${listOf(({ key }) => key)}::text[]) order by key for update
    ), judged as (
      select key, held.key is null as is_new, greatest(filled, ${at}) + step as filled_until, filled - depth + step as free_at
      from asked left join held using (key),
        lateral (
          select case when empty_at is null or empty_at > ${at} + depth + make_interval(secs => ${believedAheadMs / 1000}) then ${at}
            else least(empty_at, ${at} + depth) end as filled
        ) as believed
    ), verdict as (
      select max(free_at) as free_at, max(free_at) <= ${at} as has_room from judged
    ), filled as (
      update rate_limits set empty_at = judged.filled_until
      from judged, verdict where rate_limits.key = judged.key and not judged.is_new and verdict.has_room
      returning rate_limits.key
    ), made as (
      insert into rate_limits (key, empty_at)
      select key, filled_until from judged, verdict where is_new and has_room order by key
      on conflict (key) do nothing
      returning key
    )
    select free_at, case when has_room then array(select key from filled union all select key from made) end as taken
    from verdict, (${lazyCommit}) as lazily`);
  const { free_at: freeAt, taken } = rows[0]!;
  if (taken === null) return { ok: false, retryAt: new Date(freeAt) };
  const missed = buckets.filter(({ key }) => !taken.includes(key));
  return missed.length === 0 ? { ok: true } : takeFromBuckets(db, missed, now);
}

const limiters = new Map<string, Ratelimit>();

/** When this process last met a fault of Redis, in milliseconds. */
let faultedAt = -Infinity;

/** Whether the last answer was a fault: told once when it begins and once when it ends, not per request. */
let isFailing = false;

/**
 * Takes from one bucket after the other, the narrowest first; where a wider one refuses, what was taken is returned.
 * Null: not configured, or not to be relied on just now.
 */
async function askUpstash(buckets: readonly Bucket[], now: Date): Promise<Verdict | null> {
  if (!env().upstash) return null;
  const sinceFaultMs = now.getTime() - faultedAt;
  if (sinceFaultMs >= 0 && sinceFaultMs < redisRestMs) return null;
  try {
    for (const [index, bucket] of buckets.entries()) {
      const limiter = limiterOf(bucket.rule);
      const answer = await limiter.limit(bucket.key);
      if (!isSound(answer, bucket.rule))
        throw new TypeError('Redis answered something else than the counter');
      if (answer.success) continue;
      await Promise.all(
        buckets.slice(0, index).map(({ key, rule }) => limiterOf(rule).limit(key, { rate: -1 })),
      );
      const wider = await Promise.all(buckets.slice(index + 1).map(readFreeAt));
      noteRedis(null);
      return { ok: false, retryAt: new Date(Math.max(answer.reset, ...wider)) };
    }
    noteRedis(null);
    return { ok: true };
  } catch (error) {
    faultedAt = now.getTime();
    noteRedis(error);
    return null;
  }
}

function noteRedis(error: unknown): void {
  if (isFailing === (error !== null)) return;
  isFailing = error !== null;
  if (isFailing) openLog().warn('redis_failing', { error });
  else openLog().info('redis_answers_again');
}

/** When a bucket that nothing is taken from has room again, in milliseconds; in the past: it has. */
async function readFreeAt({ key, rule }: Bucket): Promise<number> {
  const { remaining, reset } = await limiterOf(rule).getRemaining(key);
  return remaining > 0 || !Number.isFinite(reset) ? 0 : reset;
}

/** Redis adds one to a bucket after each step, which is what drains from PostgreSQL's in that time. */
function limiterOf(rule: BucketRule): Ratelimit {
  const name = `${rule.atOnce}/${rule.perHour}`;
  let limiter = limiters.get(name);
  if (!limiter) {
    limiter = new Ratelimit({
      redis: new Redis({
        ...env().upstash!,
        retry: false,
        enableTelemetry: false,
        signal: () => AbortSignal.timeout(redisTimeoutMs),
      }),
      limiter: Ratelimit.tokenBucket(1, `${stepMsOf(rule)} ms`, rule.atOnce),
      prefix: 'doorstep',
      timeout: 0,
      analytics: false,
      ephemeralCache: false,
    });
    limiters.set(name, limiter);
  }
  return limiter;
}

/** The script answers what remains, when one more comes, and the size it was given; the library hands on whatever came. */
function isSound(
  { remaining, reset, limit }: { remaining: number; reset: number; limit: number },
  rule: BucketRule,
): boolean {
  return limit === rule.atOnce && Number.isInteger(remaining) && Number.isFinite(reset);
}
