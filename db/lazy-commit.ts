import { sql } from 'drizzle-orm';
import type { Tx } from '@/db/client';

/**
 * What a statement selects from so that its transaction's commit does not wait for the disk: after a crash of the database
 * the last half second of such commits may be gone, all of each. For what is worth no more than that, such as counts of tries. A
 * later commit that waits takes them along (PostgreSQL: Asynchronous Commit).
 */
export const lazyCommit = sql`select set_config('synchronous_commit', 'off', true)`;

/** Lets a transaction's commit leave the wait for the disk to one that follows at once, without which it is worth nothing. */
export async function commitWithNext(tx: Tx): Promise<void> {
  await tx.execute(lazyCommit);
}
