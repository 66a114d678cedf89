/** What is counted under one key: how often, first and last. */
type Counted = { count: number; firstMs: number; lastMs: number };

/**
 * Counts in memory and hands the sums to `write`, at once for the first and then every `everyMs` at most, so that a million of
 * them are a few statements. What a process has not written when it ends is lost; what `write` throws at is kept.
 *
 * `flush` writes what is waiting, and resolves when that is done or has failed.
 */
export function makeTally<Each extends Counted>({
  write,
  onFault,
  everyMs,
}: {
  write: (counted: readonly Each[]) => Promise<void>;
  onFault: (error: unknown) => void;
  everyMs: number;
}): { add: (key: string, counted: Each) => void; flush: () => Promise<void> } {
  let waiting = new Map<string, Each>();
  let timer: NodeJS.Timeout | null = null;
  let flushedMs = -Infinity;
  let underWay = Promise.resolve();

  const keep = (key: string, counted: Each) => {
    const known = waiting.get(key);
    if (known === undefined) {
      waiting.set(key, { ...counted });
      return;
    }
    known.count += counted.count;
    known.firstMs = Math.min(known.firstMs, counted.firstMs);
    known.lastMs = Math.max(known.lastMs, counted.lastMs);
  };
  const writeWaiting = async () => {
    const counted = waiting;
    waiting = new Map();
    if (counted.size === 0) return;
    flushedMs = performance.now();
    try {
      await write([...counted.values()]);
    } catch (error) {
      onFault(error);
      for (const [key, each] of counted) keep(key, each);
      plan();
    }
  };
  const flush = () => (underWay = underWay.then(writeWaiting));
  const plan = () => {
    if (timer !== null) return;
    timer = setTimeout(
      () => {
        timer = null;
        void flush();
      },
      Math.max(0, flushedMs + everyMs - performance.now()),
    );
    timer.unref();
  };
  return {
    add: (key, counted) => {
      keep(key, counted);
      plan();
    },
    flush,
  };
}
