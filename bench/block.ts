import { performance } from 'node:perf_hooks';

/** Does one thing once. Out: how many milliseconds it took, where that is not simply the time until it resolves. */
export type Act = () => Promise<number | void>;

/** Something that can be done again and again and measured. */
export type Probe = {
  name: string;
  /** Makes so many acts ready, whatever that takes: it is not measured. */
  prepare: (acts: number) => Promise<readonly Act[]>;
  /** How many do it side by side, where that is not as many as the row says. */
  callers?: number;
  /** What goes on all the while that a block is measured; resolves with what ends it. */
  meanwhile?: () => Promise<() => Promise<void>>;
  /** What happened that is neither a result nor a fault, for the notes below the table; null: nothing. */
  note?: () => string | null;
};

export type Block = {
  /** Those that succeeded. */
  acts: number;
  failed: number;
  seconds: number;
  /** Of each act that succeeded, in milliseconds. */
  times: number[];
};

/** A machine that is busy with other things fails now and then; beyond this share of failures no figure says anything. */
const mostFailed = 0.1;

/**
 * Runs all acts, as many at a time as there are callers. What fails is counted apart and leaves no time.
 *
 * @throws the first failure, where more than a tenth failed, or all
 */
export async function runActs(acts: readonly Act[], callers: number): Promise<Block> {
  const times: number[] = [];
  const faults: unknown[] = [];
  let next = 0;
  const startedAt = performance.now();
  const call = async (): Promise<void> => {
    for (let act = acts[next++]; act; act = acts[next++]) {
      const actAt = performance.now();
      try {
        const own = await act();
        times.push(own ?? performance.now() - actAt);
      } catch (error) {
        faults.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(callers, acts.length) }, call));
  const seconds = (performance.now() - startedAt) / 1000;
  if (faults.length > acts.length * mostFailed || (times.length === 0 && acts.length > 0)) throw faults[0];
  return { acts: times.length, failed: faults.length, seconds, times };
}
