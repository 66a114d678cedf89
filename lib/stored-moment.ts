/** Clocks of ours differ by less. A stored moment further ahead was written by a clock that was wrong, and has been set right since. */
export const believedAheadMs = 60_000;

/** Whether a stored moment is ahead of now as only a clock that was wrong can have written it: nobody waits for that to come. */
export function isFarAhead(at: Date | number, now: Date): boolean {
  return !(Number(at) <= latestBelieved(now).getTime());
}

/** The latest moment at which something can have happened by now, as clocks of ours differ; what is later is far ahead. */
export function latestBelieved(now: Date): Date {
  return new Date(now.getTime() + believedAheadMs);
}

/**
 * Whether something that happened at a stored moment still counts, as it does for `spanMs`. One that is far ahead never happened, so
 * nothing counts for longer than that, whatever a clock said.
 */
export function countsStill(at: Date | number, spanMs: number, now: Date): boolean {
  return !isFarAhead(at, now) && Number(at) > now.getTime() - spanMs;
}

/** Until when it counts; null: it does not any more, or never happened. */
export function countsUntil(at: Date | null, spanMs: number, now: Date): Date | null {
  return at !== null && countsStill(at, spanMs, now) ? new Date(at.getTime() + spanMs) : null;
}

/** Whether a stored end is still to come, of something that lasts for `longestMs` at most. */
export function lastsStill(until: Date, longestMs: number, now: Date): boolean {
  return countsStill(until.getTime() - longestMs, longestMs, now);
}
