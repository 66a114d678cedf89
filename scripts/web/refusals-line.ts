import { openLog, type Log } from '@/lib/log';
import { countRefusal } from '@/lib/metrics/meters';

/**
 * Why something was not handed on. `crowded`: too much of its network, or of all, was in progress or waiting; `connections`:
 * too many were open; `broken`: a form could not be read, as no page of ours sends one.
 */
export type RefusalKind = 'crowded' | 'slow' | 'pipelined' | 'connections' | 'broken';

/** So that the first line has more to say than one. */
const gatherMs = 5_000;

const everyMs = 60_000;

/** More are not told apart, since one client may own millions. */
const mostNetworks = 10_000;

/**
 * Says in the log that requests are being refused: how many, why, and of how many networks, in one line a minute at most.
 * `flush` says at once what has not been said.
 */
export function makeRefusalsLine({ log = openLog }: { log?: () => Log } = {}): {
  note: (kind: RefusalKind, network: string) => void;
  flush: () => void;
} {
  let counts: Partial<Record<RefusalKind, number>> = {};
  let networks = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let saidMs = -Infinity;

  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (networks.size === 0) return;
    log().warn('requests_refused', { ...counts, networks: networks.size });
    saidMs = performance.now();
    counts = {};
    networks = new Set();
  };
  return {
    note: (kind, network) => {
      countRefusal(`listener_${kind}`);
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (networks.size < mostNetworks) networks.add(network);
      timer ??= setTimeout(flush, Math.max(gatherMs, saidMs + everyMs - performance.now())).unref();
    },
    flush,
  };
}
