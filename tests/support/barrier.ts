import type { Pool, PoolClient } from 'pg';

/** The statement that locks an account and does something to it, which others see when it is let go. */
export function meanwhile(userId: string, then: string): string {
  return `select 1 from users where id = '${userId}' for no key update; ${then}`;
}

/** The same, and ends one of its sessions. */
export function endingSession({ userId, sessionId }: { userId: string; sessionId: string }): string {
  return meanwhile(userId, `delete from sessions where id = '${sessionId}'`);
}

/** Resolves when so many statements of this database wait for a lock. */
export async function untilWaiting(asker: Pick<PoolClient, 'query'>, waiters: number): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    // Within a transaction the view does not change unless it is told to.
    await asker.query('select pg_stat_clear_snapshot()');
    const { rows } = await asker.query<{ waiting: number }>(
      `select count(*)::int as waiting from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (rows[0]!.waiting >= waiters) return;
    if (Date.now() > deadline)
      throw new Error(`Only ${rows[0]!.waiting} of ${waiters} tasks reached the lock`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Starts `tasks` while a lock that each of them needs is held elsewhere, waits until all that can wait do, then lets them
 * go at the same instant. `lock` is the statement that takes it; `waiters` how many must be seen waiting in PostgreSQL.
 */
export async function releaseTogether<Value>(
  pool: Pool,
  lock: string,
  waiters: number,
  tasks: readonly (() => Promise<Value>)[],
): Promise<PromiseSettledResult<Value>[]> {
  const holder = await pool.connect();
  let running: Promise<Value>[] = [];
  try {
    await holder.query('begin');
    await holder.query(lock);
    running = tasks.map((task) => task());
    running.forEach((task) => task.catch(() => undefined));
    await untilWaiting(holder, waiters);
    await holder.query('commit');
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  return Promise.allSettled(running);
}
