import { and, eq, sql } from 'drizzle-orm';
import { users, type Role } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { emailKey } from './email';

export type User = typeof users.$inferSelect;

/** The account of an email address, without regard to case; pending and deactivated ones too. */
export async function findUserByEmail(db: Db | Tx, email: string): Promise<User | null> {
  const [user] = await db
    .select()
    .from(users)
    .where(eq(users.emailKey, emailKey(email)));
  return user ?? null;
}

export async function findUser(db: Db | Tx, userId: string): Promise<User | null> {
  const [user] = await db.select().from(users).where(eq(users.id, userId));
  return user ?? null;
}

/** The only account that names this number, proven or not; null where none or several do. */
export async function findOnlyUserByPhone(db: Db | Tx, phone: string): Promise<string | null> {
  const accounts = await db.select({ id: users.id }).from(users).where(eq(users.phone, phone)).limit(2);
  return accounts.length === 1 ? accounts[0]!.id : null;
}

/** Every account that names this number, proven or not. */
export async function findUsersByPhone(db: Db | Tx, phone: string): Promise<User[]> {
  return db.select().from(users).where(eq(users.phone, phone));
}

/** Makes everyone else who registers or replaces this email wait until the transaction ends. */
export async function lockEmail(tx: Tx, email: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${emailKey(email)}, 7))`);
}

/** In: a new account; `active` false leaves it pending. Out: its row. The email must be free (see lockEmail). */
export async function insertUser(
  tx: Tx | Db,
  user: {
    id: string;
    email: string;
    name: string;
    passwordHash: string;
    role?: Role;
    phone: string | null;
    active: boolean;
    now: Date;
  },
): Promise<void> {
  await tx.insert(users).values({
    id: user.id,
    email: user.email,
    emailKey: emailKey(user.email),
    name: user.name,
    passwordHash: user.passwordHash,
    role: user.role ?? 'applicant',
    phone: user.phone,
    createdAt: user.now,
    passwordChangedAt: user.now,
    activatedAt: user.active ? user.now : null,
  });
}

/** Gives a person another number (not yet proven by them), or none. */
export async function setPhone(tx: Tx | Db, userId: string, phone: string | null): Promise<void> {
  await tx.update(users).set({ phone, phoneMovedAt: null }).where(eq(users.id, userId));
}

/** Whether an account must hold a second factor, which its number then is: everyone's but an applicant's. */
export async function mustHoldSecondFactor(tx: Tx | Db, userId: string): Promise<boolean> {
  const [user] = await tx.select({ role: users.role }).from(users).where(eq(users.id, userId));
  return user !== undefined && user.role !== 'applicant';
}

/** Notes that someone else proved this person's number. */
export async function markPhoneMoved(tx: Tx, userId: string, phone: string, now: Date): Promise<void> {
  await tx
    .update(users)
    .set({ phoneMovedAt: now })
    .where(and(eq(users.id, userId), eq(users.phone, phone)));
}

/** Shuts a locked account: its sessions open nothing from now on, and nobody signs in to it. */
export async function markDeactivated(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.update(users).set({ deactivatedAt: now }).where(eq(users.id, userId));
}

/** Gives a locked account another role, which counts from its next request on. */
export async function setRole(tx: Tx, userId: string, role: Role): Promise<void> {
  await tx.update(users).set({ role }).where(eq(users.id, userId));
}

/** Deletes a locked account and, by cascade, all that belongs to it alone. */
export async function deleteUser(tx: Tx, userId: string): Promise<void> {
  await tx.delete(users).where(eq(users.id, userId));
}
