import { and, eq, sql, type SQL } from 'drizzle-orm';
import type { Db, Tx } from '@/db/client';
import { users } from '@/db/schema/accounts';
import { timestamp } from '@/db/timestamp';
import { believedAheadMs } from '@/lib/stored-moment';

/** Whoever deletes an account is done within seconds, whatever there was. After so long they are taken for dead. */
const givenUpAfterMs = 15 * 60_000;

/** Marks an account, which the caller has locked, as being deleted since `at`; null: it stays after all. */
export async function markDeletion(tx: Tx, userId: string, at: Date | null): Promise<void> {
  await tx.update(users).set({ deletionBegunAt: at }).where(eq(users.id, userId));
}

/** Whether an account is there, and its record is whole: nobody is deleting it. */
export function isWholeAccount(userId: string): SQL {
  return sql`exists (select from users where users.id = ${userId}::uuid and deletion_begun_at is null)`;
}

/** Accounts whose deletion was cut off, `limit` at most. */
export async function findCutOffDeletions(db: Db, now: Date, limit: number): Promise<string[]> {
  const cutOff = sql`${users.deletionBegunAt} not between ${timestamp(new Date(now.getTime() - givenUpAfterMs))}
    and ${timestamp(new Date(now.getTime() + believedAheadMs))}`;
  const found = await db
    .select({ id: users.id })
    .from(users)
    .where(and(sql`${users.deletionBegunAt} is not null`, cutOff))
    .limit(limit);
  return found.map(({ id }) => id);
}
