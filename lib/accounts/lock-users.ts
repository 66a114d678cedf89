import type { Tx } from '@/db/client';
import { users } from '@/db/schema/accounts';
import { type User } from './users';
import { asc, eq, inArray, sql } from 'drizzle-orm';

/** A person's row, locked until the transaction ends; null: the account is gone. */
export async function lockUser(tx: Tx, userId: string): Promise<User | null> {
  const [user] = await tx.select().from(users).where(eq(users.id, userId)).for('update');
  return user ?? null;
}

/** Locks several people's rows, always in the same order, so that two transactions cannot wait for each other. */
export async function lockUsers(tx: Tx, userIds: readonly string[]): Promise<void> {
  const which = inArray(users.id, [...userIds]);
  await tx.select({ id: users.id }).from(users).where(which).orderBy(asc(users.id)).for('update');
}

/**
 * Locks an account that may be about to leave the admins, and where it is one, all admins with it, in one order, before they
 * are counted: of two who leave at the same instant one stays.
 *
 * Out: the account, null when it is gone; `isLastAdmin`: it is an admin's, and no other admin's account is open.
 */
export async function lockAmongAdmins(
  tx: Tx,
  userId: string,
): Promise<{ user: User | null; isLastAdmin: boolean }> {
  const together = sql`
    select ${userId}::uuid union all
    select id from users where role = 'admin'
      and exists (select from users leaving where leaving.id = ${userId} and leaving.role = 'admin')`;
  const locked = await tx
    .select()
    .from(users)
    .where(sql`${users.id} = any(array(${together}))`)
    .orderBy(asc(users.id))
    .for('update');
  const user = locked.find((row) => row.id === userId) ?? null;
  const openAdmins = locked.filter(
    (row) => row.role === 'admin' && row.activatedAt !== null && row.deactivatedAt === null,
  );
  return { user, isLastAdmin: user?.role === 'admin' && openAdmins.every((row) => row.id === userId) };
}

/** Locks an account that is about to be deleted. Refuses the last open account of an admin. */
export async function lockForDeletion(
  tx: Tx,
  userId: string,
): Promise<{ ok: true } | { ok: false; reason: 'gone' | 'last_admin' }> {
  const { user, isLastAdmin } = await lockAmongAdmins(tx, userId);
  if (!user) return { ok: false, reason: 'gone' };
  return isLastAdmin ? { ok: false, reason: 'last_admin' } : { ok: true };
}
