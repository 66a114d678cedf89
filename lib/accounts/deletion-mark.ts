import { eq, sql, type SQL } from 'drizzle-orm';
import type { Tx } from '@/db/client';
import { users } from '@/db/schema/accounts';

/** Whoever deletes an account takes no longer than this to erase its record, whatever there was. */
const erasingMs = 15 * 60_000;

/** Marks an account, which the caller has locked, as being deleted since `at`. The mark stays, also where the account does. */
export async function markDeletion(tx: Tx, userId: string, at: Date): Promise<void> {
  await tx.update(users).set({ deletionBegunAt: at }).where(eq(users.id, userId));
}

/** Whether an account is there, and nobody has begun to erase its record since `askedAt`, or was still at it then. */
export function isWholeSince(userId: string, askedAt: SQL): SQL {
  return sql`exists (
    select from users where users.id = ${userId}::uuid
      and (deletion_begun_at is null or deletion_begun_at < ${askedAt} - ${erasingMs}::int * interval '1 millisecond'))`;
}
