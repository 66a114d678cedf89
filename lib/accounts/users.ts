import { and, asc, eq, inArray, sql, type SQL } from 'drizzle-orm';
import { loginGrants, pendingTokens, users, type Role } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { emailKey } from './email';
import { hashToken, newToken } from '@/lib/random';
import { isLiveToken } from './pending-life';

export type User = typeof users.$inferSelect;

/** A grant lives as long as a redirect takes. */
const grantTtlSeconds = 60;

/** The account of an e-mail address, without regard to case; pending and deactivated ones too. */
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

/** Makes everybody else who registers or replaces this e-mail wait until the transaction ends. */
export async function lockEmail(tx: Tx, email: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${emailKey(email)}, 7))`);
}

/** In: a new account; `active` false leaves it pending. Out: its row. The e-mail must be free (see lockEmail). */
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

/**
 * The accounts that were made before `before` and that nobody can finish any more as things stand: pending, without a browser
 * that may still do so and without a code that can still be entered. The oldest first, `limit` at most; those that somebody
 * holds at the moment are left out.
 */
export async function findAbandonedUsers(
  db: Db,
  { before, now, limit, except = [] }: { before: Date; now: Date; limit: number; except?: readonly string[] },
): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select id from users where ${abandoned(before, now)} and id <> all(${sql.param([...except])}::uuid[])
    order by created_at limit ${limit} for update skip locked`);
  return rows.map((row) => row.id);
}

/** Whether one account is such a one; locked by the caller, so that it stays so. */
export async function isAbandoned(
  tx: Tx,
  userId: string,
  { before, now }: { before: Date; now: Date },
): Promise<boolean> {
  const { rows } = await tx.execute(
    sql`select 1 from users where id = ${userId} and ${abandoned(before, now)}`,
  );
  return rows.length > 0;
}

function abandoned(before: Date, now: Date): SQL {
  const at = sql`${now.toISOString()}::timestamptz`;
  return sql`activated_at is null and deactivated_at is null and created_at < ${before.toISOString()}::timestamptz
    and not exists (select from pending_tokens token where token.user_id = users.id and ${isLiveToken(at)})
    and not exists (
      select from sms_verifications challenge
      where challenge.user_id = users.id and consumed_at is null and ended_at is null and expires_at > ${at})`;
}

/**
 * Opens a pending account, ends its pending tokens and mints a login grant: one statement.
 *
 * Out: the grant, or null when the account is already active, shut, or must hold a second factor first and so never
 * opens by this way (`applicantsOnly`).
 */
export async function activateAccount(
  tx: Tx,
  { userId, applicantsOnly = false, now }: { userId: string; applicantsOnly?: boolean; now: Date },
): Promise<{ grant: string } | null> {
  const grant = newToken();
  const at = sql`${now.toISOString()}::timestamptz`;
  const { rows } = await tx.execute(sql`
    with activated as (
      update users set activated_at = ${at}
      where id = ${userId} and activated_at is null and deactivated_at is null
        and (role = 'applicant' or not ${applicantsOnly}::boolean)
      returning id
    ), ended as (
      delete from pending_tokens using activated where user_id = activated.id
    )
    insert into login_grants (token_hash, user_id, expires_at)
    select ${hashToken(grant)}, id, ${at} + make_interval(secs => ${grantTtlSeconds}) from activated
    returning 1`);
  return rows.length > 0 ? { grant } : null;
}

/** Whether the password is still the one that was checked; the row is locked, so that a change comes before or after. */
export async function holdPassword(
  tx: Tx,
  { userId, passwordHash }: { userId: string; passwordHash: string },
): Promise<boolean> {
  const held = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, userId), eq(users.passwordHash, passwordHash)))
    .for('share');
  return held.length > 0;
}

/** A login grant for an active account: single use, 60 seconds. */
export async function mintLoginGrant(tx: Tx | Db, userId: string, now: Date): Promise<{ grant: string }> {
  const grant = newToken();
  const at = sql`${now.toISOString()}::timestamptz`;
  await tx.execute(sql`
    insert into login_grants (token_hash, user_id, expires_at)
    values (${hashToken(grant)}, ${userId}, ${at} + make_interval(secs => ${grantTtlSeconds}))`);
  return { grant };
}

/** Stores the same password under a newer scheme; false: its hash was changed meanwhile. */
export async function replacePasswordHash(
  db: Db | Tx,
  { userId, from, to }: { userId: string; from: string; to: string },
): Promise<boolean> {
  const replaced = await db
    .update(users)
    .set({ passwordHash: to })
    .where(and(eq(users.id, userId), eq(users.passwordHash, from)))
    .returning({ id: users.id });
  return replaced.length > 0;
}

/** Gives a person another number (not yet proven by them), or none. */
export async function setPhone(tx: Tx | Db, userId: string, phone: string | null): Promise<void> {
  await tx.update(users).set({ phone, phoneMovedAt: null }).where(eq(users.id, userId));
}

/** Whether an account must hold a second factor, which its number then is: everybody's but an applicant's. */
export async function mustHoldSecondFactor(tx: Tx | Db, userId: string): Promise<boolean> {
  const [user] = await tx.select({ role: users.role }).from(users).where(eq(users.id, userId));
  return user !== undefined && user.role !== 'applicant';
}

/** Notes that somebody else proved this person's number. */
export async function markPhoneMoved(tx: Tx, userId: string, phone: string, now: Date): Promise<void> {
  await tx
    .update(users)
    .set({ phoneMovedAt: now })
    .where(and(eq(users.id, userId), eq(users.phone, phone)));
}

/** Ends every pending verification of a person: their browsers have to give the password again. */
export async function endPendingTokens(tx: Tx | Db, userId: string): Promise<void> {
  await tx.delete(pendingTokens).where(eq(pendingTokens.userId, userId));
}

/** Ends every login grant of a person: what a checked password minted before does not open a session any more. */
export async function endLoginGrants(tx: Tx | Db, userId: string): Promise<void> {
  await tx.delete(loginGrants).where(eq(loginGrants.userId, userId));
}

/** Puts another password in the place of the one that was checked; false: it was changed meanwhile. */
export async function changePasswordHash(
  tx: Tx,
  { userId, from, to, now }: { userId: string; from: string; to: string; now: Date },
): Promise<boolean> {
  const changed = await tx
    .update(users)
    .set({ passwordHash: to, passwordChangedAt: now })
    .where(and(eq(users.id, userId), eq(users.passwordHash, from)))
    .returning({ id: users.id });
  return changed.length > 0;
}

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
