import { db as openDb, type Db } from '@/db/client';
import type { SenderRole } from '@/db/schema/consent';
import { env as readEnv } from '@/lib/env';
import { openLog, type Log } from '@/lib/log';
import { openProvider } from './open-provider';
import type { Provider } from './provider';

/** What a round works with. */
export type RoundWork = { db: Db; provider: Provider; log: Log };

/**
 * Has a round done at once and then every `everyMs` milliseconds, but never two at a time: what comes due meanwhile is left out. The
 * provider is opened by the first round, and by the next one where that failed.
 *
 * In: `role`, from which of our senders the provider sends; `round`, whose `signal` says that it is to end early; `onFault`, which is told of an error of a round, or of opening the
 * provider, and ends nothing; `write`, where lines of the log go.
 *
 * `stop()` aborts the signal, begins no further round, and resolves when the one under way is over.
 */
export function runProviderRounds(
  round: (work: RoundWork, signal: AbortSignal) => Promise<void>,
  options: {
    role?: SenderRole;
    everyMs: number;
    onFault: (error: unknown, log: Log, signal: AbortSignal) => void;
    write?: (line: string) => void;
  },
): { stop(): Promise<void> } {
  const env = readEnv();
  const log = openLog({ level: env.logLevel, write: options.write });
  const stopping = new AbortController();
  const { signal } = stopping;
  let provider: Provider | null = null;
  let underWay: Promise<void> | null = null;
  const tryRound = async () => {
    try {
      provider ??= await openProvider(env, options.role);
      await round({ db: openDb(), provider, log }, signal);
    } catch (error) {
      options.onFault(error, log, signal);
    }
  };
  const begin = () => {
    underWay ??= tryRound().finally(() => (underWay = null));
  };
  begin();
  const timer = setInterval(begin, options.everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await underWay;
    },
  };
}
