import { countsStill } from '@/lib/stored-moment';

/** At most `limit` within any `windowSeconds`. */
export type WindowRule = { limit: number; windowSeconds: number };

/**
 * What sliding windows say of one more hit at `now`.
 *
 * In: the instants of earlier hits, in any order; one far ahead of `now` keeps nobody waiting (`countsStill`). Out: `remaining`
 * (how many more are allowed right now, 0 when refused), `retryAt` (the moment the next is allowed; null when it is now) and
 * `kept` (what is worth storing: the hits that still count in the longest window, or will once a clock comes to them).
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
    const counted = times.filter((time) => countsStill(time, windowMs, now));
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

/** An instant that is in `hits` only once, so that exactly this hit can be taken out later. */
export function distinctInstant(hits: readonly Date[], now: Date): Date {
  const taken = new Set(hits.map((hit) => hit.getTime()));
  let time = now.getTime();
  while (taken.has(time)) time += 1;
  return new Date(time);
}
