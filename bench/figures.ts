/** The value that a share `q` of the values lies below (nearest rank); NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!;
}

/** The middle value; of an even number of values, the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** How far the middle half of the values reaches to either side of their median, as a share of it. NaN of none. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median(values);
}

/**
 * The median of what each block says against the block that ran beside it. So a machine that slows down for a while changes both
 * sides of one pair, and not the ratio. Pairs without two figures above zero are left out; NaN where none is left.
 */
export function ratio(values: readonly number[], beside: readonly number[]): number {
  const pairs = values.map((value, index) => value / beside[index]!);
  return median(pairs.filter((each) => Number.isFinite(each) && each > 0));
}

/** What so many acts cost each, without what the system does in that time anyway (`perSecond`). Never below zero. */
export function perAct(
  total: number,
  { acts, seconds, perSecond }: { acts: number; seconds: number; perSecond: number },
): number {
  return Math.max(0, total - perSecond * seconds) / acts;
}

/** How many acts fill a block of so many seconds, if the warm-up's went on at its pace. */
export function actsFor(
  blockSeconds: number,
  { acts, seconds }: { acts: number; seconds: number },
  { least, most }: { least: number; most: number },
): number {
  return Math.min(most, Math.max(least, Math.round((blockSeconds * acts) / Math.max(seconds, 0.001))));
}
