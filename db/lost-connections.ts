import { performance } from 'node:perf_hooks';
import { DatabaseError, type Pool, type PoolClient } from 'pg';

/** What is known of one open connection; instants by performance.now(). */
type Line = {
  /** Whether someone has taken it out of the pool. */
  inUse: boolean;
  askedAtMs: number;
  heardAtMs: number;
  lost: boolean;
};

type Ask = (...sent: readonly unknown[]) => unknown;

/**
 * Sees to it that the pool never hands out a connection on which a statement was lost.
 *
 * pg gives up waiting after `query_timeout`, and leaves it at that: the client still waits for the lost answer, and
 * whatever is sent next waits behind it. drizzle releases the client of a failed transaction as if nothing had happened,
 * and never releases it when BEGIN itself failed. So here:
 *
 * - A failure that PostgreSQL did not report itself ends the connection at once. So does a BEGIN or ROLLBACK that fails.
 *   From then on the client counts as released; releasing it again does nothing.
 * - A ROLLBACK on such a connection succeeds without being sent, since PostgreSQL rolls back what its client leaves
 *   behind. So the first error is the one that is thrown.
 * - When an answer stayed out for `queryTimeoutMs`, every other connection that was silent as long is ended too.
 *   Otherwise each of them would cost someone another wait.
 */
export function giveUpLostConnections(pool: Pool, queryTimeoutMs: number): void {
  const lines = new Map<PoolClient, Line>();

  pool.on('connect', (client) => {
    const line: Line = { inUse: false, askedAtMs: 0, heardAtMs: performance.now(), lost: false };
    lines.set(client, line);
    client.on('error', (error) => giveUp(client, line, error));
    client.on('end', () => lines.delete(client));
    watchStatements(client, line, (error) => giveUp(client, line, error));
  });
  pool.on('acquire', (client) => {
    const line = lines.get(client);
    if (line) Object.assign(line, { inUse: true, askedAtMs: performance.now() });
  });
  // The pool's own `query` ends here, with its error if it had one.
  pool.on('release', (error, client) => {
    const line = lines.get(client);
    if (!line) return;
    line.inUse = false;
    if (error && !(error instanceof DatabaseError)) giveUp(client, line, error);
    else line.heardAtMs = performance.now();
  });

  function giveUp(client: PoolClient, line: Line, error: Error): void {
    if (line.lost) return;
    line.lost = true;
    if (isOverdue(line)) endThoseSilentSince(line.askedAtMs);
    if (!line.inUse) return;
    const { release } = client;
    client.release = () => undefined;
    release(error);
  }

  function isOverdue({ askedAtMs, heardAtMs }: Line): boolean {
    // Timers are not exact to the millisecond.
    return askedAtMs > heardAtMs && performance.now() - askedAtMs > queryTimeoutMs - 20;
  }

  function endThoseSilentSince(instantMs: number): void {
    for (const [client, { lost, heardAtMs }] of lines) {
      if (lost || heardAtMs >= instantMs) continue;
      client.connection.stream.destroy(new Error('PostgreSQL no longer answers on this connection'));
    }
  }
}

/** Watches what is answered by a promise; the pool's own `query` uses a callback. */
function watchStatements(client: PoolClient, line: Line, giveUp: (error: Error) => void): void {
  const ask = client.query.bind(client) as Ask;
  const watched: Ask = (...sent) => {
    const command = readCommand(sent[0]);
    if (line.lost && command === 'rollback') return Promise.resolve(rolledBack);
    line.askedAtMs = performance.now();
    const answer = ask(...sent);
    if (!(answer instanceof Promise)) return answer;
    return answer.then(
      (result: unknown) => {
        line.heardAtMs = performance.now();
        return result;
      },
      (error: Error) => {
        const reported = error instanceof DatabaseError;
        if (reported) line.heardAtMs = performance.now();
        if (!reported || command === 'begin' || command === 'rollback') giveUp(error);
        if (command === 'rollback') return rolledBack;
        throw error;
      },
    );
  };
  client.query = watched as PoolClient['query'];
}

const rolledBack = { command: 'ROLLBACK', rowCount: null, oid: 0, fields: [], rows: [] };

function readCommand(statement: unknown): string | undefined {
  const text = typeof statement === 'string' ? statement : (statement as { text?: unknown } | null)?.text;
  return typeof text === 'string' ? /^\w+/.exec(text)?.[0].toLowerCase() : undefined;
}
