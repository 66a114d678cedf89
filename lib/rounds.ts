import { setTimeout as delay } from 'node:timers/promises';

export type Rounds = { stop(): Promise<void> };

/**
 * Does a round again and again until stopped; each says how many milliseconds it is until the next, 0 for none. After one that
 * failed, as while the database restarts, it is `everyMs`. `stop()` begins no round more and resolves when the one under way is over.
 *
 * In: `onFault`, which is told of the error of a round; `wait`, by which it waits where something may wake it.
 */
export function runRounds(
  round: (signal: AbortSignal) => Promise<number>,
  {
    everyMs,
    onFault,
    wait = rest,
  }: {
    everyMs: number;
    onFault: (error: unknown) => void;
    wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  },
): Rounds {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = loop();

  async function loop(): Promise<void> {
    while (!signal.aborted) {
      const restMs = await round(signal).catch((error: unknown) => {
        onFault(error);
        return everyMs;
      });
      if (restMs > 0) await wait(restMs, signal);
    }
  }

  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Waits, unless it is to stop. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** As long as a round took, so many times: so others have the database, too. One that took long puts the next not off for ever. */
export function restAfter(
  begunMs: number,
  { times, longestMs }: { times: number; longestMs: number },
): number {
  return Math.min(longestMs, times * (performance.now() - begunMs));
}
