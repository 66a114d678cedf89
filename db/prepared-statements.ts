import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { DatabaseError, type Pool, type PoolClient } from 'pg';

/** A statement that one connection has sent so often is prepared: those that are rare would only cost memory on both sides. */
const worthwhileUses = 3;

/** So many statements are prepared on one connection: PostgreSQL keeps a plan of some kilobytes for each. */
const mostPrepared = 200;

/** So many are counted; some have as many texts as there are lengths of a list. */
const mostCounted = 1_000;

export const plannedAnewMark = '/* planned anew */';

/**
 * Stands in a statement whose best plan depends on its values, as that of a search for what begins with a few letters does. It is never
 * prepared, so PostgreSQL plans it with the values at hand.
 */
export const plannedAnew = sql.raw(plannedAnewMark);

/**
 * Whether PostgreSQL says that a prepared statement is not there or not the same any more: a pooler that knows nothing of them handed us
 * another server's connection, or a migration changed what the statement gives back.
 */
export function isPreparedLost(error: Error & { code?: unknown; routine?: unknown }): boolean {
  const { code, routine } = error;
  // The words of the last are in the language of the server.
  return code === '26000' || code === '42P05' || (code === '0A000' && routine === 'RevalidateCachedQuery');
}

type Ask = (...sent: readonly unknown[]) => unknown;
type Statement = { text: string; name?: string };

/**
 * Prepares on each connection of a pool what it sends often, so that PostgreSQL parses such a statement once, and makes another plan only
 * where that is worth it (`plan_cache_mode`, postgresql.org/docs/current/sql-prepare.html). The name is a hash of the text, so no name
 * ever stands for another statement, whoever else uses a server connection. Once PostgreSQL says that one is lost, this pool prepares
 * nothing more. The statement fails as one that met a fault of the database (`isDatabaseFault`), so a worker does it again.
 */
export function prepareFrequent(pool: Pool): void {
  let isOff = false;
  pool.on('connect', (client) => {
    const nameOf = countUses();
    const ask = client.query.bind(client) as Ask;
    const watched: Ask = (statement, values, ...rest) => {
      const name = isOff || !Array.isArray(values) || values.length === 0 ? null : nameOf(statement);
      if (name === null) return ask(statement, values, ...rest);
      const answer = ask({ ...(statement as Statement), name }, values, ...rest.map(watchCallback));
      return answer instanceof Promise ? answer.catch(giveUp) : answer;
    };
    client.query = watched as PoolClient['query'];
  });

  /** The pool's own `query` is answered by a callback. */
  function watchCallback(done: unknown): unknown {
    if (typeof done !== 'function') return done;
    return (error: unknown, result: unknown) => {
      note(error);
      (done as Ask)(error, result);
    };
  }

  function giveUp(error: unknown): never {
    note(error);
    throw error;
  }

  function note(error: unknown): void {
    if (error instanceof DatabaseError && isPreparedLost(error)) isOff = true;
  }
}

/** Counts what a connection sends. Out: the name that a statement is prepared by; null: it is not. */
function countUses(): (statement: unknown) => string | null {
  const uses = new Map<string, number>();
  const names = new Map<string, string>();
  return (statement) => {
    if (!isUnnamed(statement)) return null;
    const { text } = statement;
    const known = names.get(text);
    if (known !== undefined) return known;
    if (names.size >= mostPrepared || text.includes(plannedAnewMark)) return null;
    const times = (uses.get(text) ?? 0) + 1;
    if (times < worthwhileUses) {
      if (uses.size >= mostCounted) uses.clear();
      uses.set(text, times);
      return null;
    }
    uses.delete(text);
    const name = createHash('sha256').update(text).digest('base64url');
    names.set(text, name);
    return name;
  };
}

function isUnnamed(statement: unknown): statement is Statement {
  const { text, name } = Object(statement) as Partial<Statement>;
  return typeof text === 'string' && name === undefined;
}
