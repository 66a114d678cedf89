import { addLatencies, type Latencies } from './latency';

/** What became of some texts. Money is in whole millionths of a dollar. */
export type Sums = {
  texts: number;
  segments: number;
  sent: number;
  delivered: number;
  failed: number;
  canceled: number;
  held: number;
  settledMicros: number;
  reservedMicros: number;
  /** The part of `settledMicros` that was paid for texts that failed. */
  failedMicros: number;
  latencies: Latencies;
};

/** What nothing adds up to. */
export const nothing: Sums = {
  ...{ texts: 0, segments: 0, sent: 0, delivered: 0, failed: 0, canceled: 0, held: 0 },
  ...{ settledMicros: 0, reservedMicros: 0, failedMicros: 0, latencies: [] },
};

/** Adds two sums up, class by class where it is about time. */
export function addSums(a: Sums, b: Sums): Sums {
  const add = (name: Exclude<keyof Sums, 'latencies'>) => a[name] + b[name];
  return {
    texts: add('texts'),
    segments: add('segments'),
    sent: add('sent'),
    delivered: add('delivered'),
    failed: add('failed'),
    canceled: add('canceled'),
    held: add('held'),
    settledMicros: add('settledMicros'),
    reservedMicros: add('reservedMicros'),
    failedMicros: add('failedMicros'),
    latencies: addLatencies(a.latencies, b.latencies),
  };
}

/** Adds up what has the same key. */
export function addUp(rows: readonly { key: string; sums: Sums }[]): Record<string, Sums> {
  // Without a prototype: a key may have any name.
  const sums: Record<string, Sums> = Object.create(null) as Record<string, Sums>;
  for (const { key, sums: more } of rows) sums[key] = addSums(sums[key] ?? nothing, more);
  return sums;
}
