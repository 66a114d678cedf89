/** How long texts take to arrive, in seconds, is counted in classes that end here; what took longer is in one more. */
export const latencyBounds = [
  1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400,
  43_200, 108_000,
] as const;

/** One count for each class: those of `latencyBounds`, then what took longer than the last. */
export type Latencies = readonly number[];

/** How many texts the counts are of. */
function countLatencies(counts: Latencies): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * The time within which this share of the texts arrived, in seconds; null where there are none. Read off within its class as
 * if those in it were spread evenly. Infinity: above the last bound.
 *
 * @param share from 0 to 1
 */
export function readPercentile(counts: Latencies, share: number): number | null {
  const total = countLatencies(counts);
  if (total === 0) return null;
  const wanted = share * total;
  let before = 0;
  for (const [index, count] of counts.entries()) {
    if (before + count >= wanted && count > 0) {
      const to = latencyBounds[index];
      if (to === undefined) return Infinity;
      const from = latencyBounds[index - 1] ?? 0;
      return from + (to - from) * ((wanted - before) / count);
    }
    before += count;
  }
  return Infinity;
}

/** The share of texts that arrived within one of the bounds, from 0 to 1; null where there are none. */
export function readShareWithin(counts: Latencies, seconds: (typeof latencyBounds)[number]): number | null {
  const total = countLatencies(counts);
  const last = latencyBounds.indexOf(seconds);
  return total === 0 ? null : countLatencies(counts.slice(0, last + 1)) / total;
}

/** Adds two up, class by class; none at all count as nothing in each class. */
export function addLatencies(a: Latencies, b: Latencies): Latencies {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const sums: number[] = [];
  for (let n = 0; n <= latencyBounds.length; n += 1) sums.push((a[n] ?? 0) + (b[n] ?? 0));
  return sums;
}
