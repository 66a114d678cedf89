import { eq, sql, type SQL } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import { users } from '@/db/schema/accounts';
import { timestamp } from '@/db/timestamp';
import { believedAheadMs } from '@/lib/stored-moment';

/** A deletion that has not come to its end after so long was cut off: the account stays. */
const longestMs = 15 * 60_000;

/** Marks an account, which the caller has locked, as being deleted since `at`; null: it stays after all. */
export async function markDeletion(tx: Tx, userId: string, at: Date | null): Promise<void> {
  await tx.update(users).set({ deletionBegunAt: at }).where(eq(users.id, userId));
}

/** Whether an account is there, and its record is whole: nobody is deleting it. */
export function isWholeAccount(userId: string, now: Date): SQL {
  const [since, until] = [now.getTime() - longestMs, now.getTime() + believedAheadMs].map((ms) =>
    timestamp(new Date(ms)),
  );
  return sql`exists (
    select from users where users.id = ${userId}::uuid
      and (deletion_begun_at is null or deletion_begun_at not between ${since} and ${until}))`;
}
