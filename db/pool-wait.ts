import { performance } from 'node:perf_hooks';
import type { Pool, PoolClient } from 'pg';
import { measureSeconds } from '@/lib/metrics/meters';

type Done = (error: Error | undefined, client: PoolClient | undefined, release: () => void) => void;

/**
 * Counts how long each statement and each transaction waits until the pool has a connection for it, also those that get none.
 * The pool's own `query` asks for a connection in the same way.
 */
export function measurePoolWait(pool: Pool): void {
  const connect = pool.connect.bind(pool) as (done: Done) => void;
  const measured = (done: Done): void => {
    const askedMs = performance.now();
    connect((error, client, release) => {
      measureSeconds('poolWait', {}, (performance.now() - askedMs) / 1000);
      done(error, client, release);
    });
  };
  pool.connect = ((done?: Done) => {
    if (done) return measured(done);
    return new Promise<PoolClient>((resolve, reject) => {
      measured((error, client) => (error || !client ? reject(error as Error) : resolve(client)));
    });
  }) as Pool['connect'];
}
