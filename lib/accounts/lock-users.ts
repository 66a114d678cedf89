import type { Tx } from '@/db/client';
import { users } from '@/db/schema/accounts';
import { isSessionOf } from './sessions';
import { type User } from './users';
import { asc, eq, inArray, sql } from 'drizzle-orm';

/*
 * These locks leave an account's key free: rows that refer to it, such as texts, can be written meanwhile, and their writers wait
 * for nobody. Only `lockForErasure` keeps them out.
 */

/** A person's row, locked until the transaction ends; null: the account is gone. */
export async function lockUser(tx: Tx, userId: string): Promise<User | null> {
  const [user] = await tx.select().from(users).where(eq(users.id, userId)).for('no key update');
  return user ?? null;
}

/** Locks several people's rows, always in the same order, so that two transactions cannot wait for each other. */
export async function lockUsers(tx: Tx, userIds: readonly string[]): Promise<void> {
  const which = inArray(users.id, [...userIds]);
  await tx.select({ id: users.id }).from(users).where(which).orderBy(asc(users.id)).for('no key update');
}

/** An admin who does something to others, and the session that they do it in. */
export type ActingAdmin = { adminId: string; sessionId: string };

/**
 * Locks an account that may be about to leave the admins, and where it is one, all admins with it, in one order, before they
 * are counted: of two who leave at the same instant one stays. `acting`: the admin who is doing it, locked in the same order.
 *
 * Out: the account, null when it is gone; `isLastAdmin`: it is an admin's, and no other admin's account is open; `byAdmin`:
 * whether the one who is doing it is an open admin still, and did not have that session ended while they waited. Whatever takes
 * something from a session ends it, so that is all there is to read again.
 */
export async function lockAmongAdmins(
  tx: Tx,
  userId: string,
  acting: ActingAdmin | null = null,
): Promise<{ user: User | null; isLastAdmin: boolean; byAdmin: 'yes' | 'not_admin' | 'not_open' }> {
  const together = sql`
    select ${userId}::uuid union all
    select ${acting?.adminId ?? null}::uuid union all
    select id from users where role = 'admin'
      and exists (select from users leaving where leaving.id = ${userId} and leaving.role = 'admin')`;
  const locked = await tx
    .select()
    .from(users)
    .where(sql`${users.id} = any(array(${together}))`)
    .orderBy(asc(users.id))
    .for('no key update');
  const user = locked.find((row) => row.id === userId) ?? null;
  const openAdmins = locked.filter(isOpenAdmin);
  const isAdmin = acting !== null && openAdmins.some((row) => row.id === acting.adminId);
  return {
    user,
    isLastAdmin: user?.role === 'admin' && openAdmins.every((row) => row.id === userId),
    byAdmin: !isAdmin ? 'not_admin' : (await isSessionOf(tx, acting)) ? 'yes' : 'not_open',
  };
}

/** Whether an account lets its person act as an admin right now. */
export function isOpenAdmin(user: Pick<User, 'role' | 'activatedAt' | 'deactivatedAt'>): boolean {
  return user.role === 'admin' && user.activatedAt !== null && user.deactivatedAt === null;
}

/** Keeps everything out that refers to an account, which is locked already and about to be erased. */
export async function lockForErasure(tx: Tx, userId: string): Promise<void> {
  await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('update');
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
