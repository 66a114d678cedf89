import { and, eq, inArray, isNull, sql } from 'drizzle-orm';
import { thisChange } from '@/db/schema/columns';
import { users, type Role } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { emailKey, keyAsWritten, writeEmail } from './email';
import { endTrustedDevices } from './trusted-devices';

export type User = typeof users.$inferSelect;

/** The account of an email address, without regard to case; pending and deactivated ones too. */
export async function findUserByEmail(db: Db | Tx, email: string): Promise<User | null> {
  const [user] = await db.select().from(users).where(isKeyOf(email)).orderBy(asWrittenFirst(email)).limit(1);
  return user ?? null;
}

/**
 * Whether a row of `users` may be found by an email. Two accounts at one mailbox of before its spellings were one keep their
 * keys (`spellEmailKeys`); each is found by its own spelling, since that comes first.
 */
export function isKeyOf(email: string) {
  return inArray(users.emailKey, [emailKey(email), keyAsWritten(email)]);
}

export function asWrittenFirst(email: string) {
  return sql`(${users.emailKey} = ${keyAsWritten(email)}) desc`;
}

/** Whether a key is that of the account's email, under either spelling. */
export function hasEmailKey(user: Pick<User, 'emailKey'>, key: string): boolean {
  return emailKey(user.emailKey) === key;
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

/** Which of these accounts name this number, proven or not. */
export async function findNaming(db: Db | Tx, phone: string, userIds: readonly string[]): Promise<string[]> {
  const accounts = await db
    .select({ id: users.id })
    .from(users)
    .where(and(inArray(users.id, [...userIds]), eq(users.phone, phone)));
  return accounts.map(({ id }) => id);
}

/** Makes everyone else who registers or replaces this email wait until the transaction ends. */
export async function lockEmail(tx: Tx, email: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${emailKey(email)}, 7))`);
}

/** For so long a password alone sets up the first second factor of a new account that must hold one. */
const enrollWithinMs = 72 * 3600 * 1000;

/**
 * In: a new account; `active` false leaves it pending, `emailProven` says that the person is known to read mail at the
 * address. The email must be free (see lockEmail).
 */
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
    emailProven?: boolean;
    now: Date;
  },
): Promise<void> {
  const { role = 'applicant' } = user;
  await tx.insert(users).values({
    id: user.id,
    email: writeEmail(user.email),
    emailKey: emailKey(user.email),
    name: user.name,
    passwordHash: user.passwordHash,
    role,
    phone: user.phone,
    createdAt: user.now,
    passwordChangedAt: user.now,
    activatedAt: user.active ? user.now : null,
    emailProvenAt: user.emailProven ? user.now : null,
    enrollUntil: role === 'applicant' ? null : new Date(user.now.getTime() + enrollWithinMs),
  });
}

/** Notes that a person reads mail at their address. */
export async function markEmailProven(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.update(users).set({ emailProvenAt: now }).where(eq(users.id, userId));
}

/** Gives an account another email, which the person was found to read. The email must be free (see lockEmail). */
export async function setEmail(tx: Tx, userId: string, email: string, now: Date): Promise<void> {
  await tx
    .update(users)
    .set({ email: writeEmail(email), emailKey: emailKey(email), emailProvenAt: now })
    .where(eq(users.id, userId));
  await endTrustedDevices(tx, userId);
}

/** Gives an account another name. */
export async function setName(tx: Tx, userId: string, name: string): Promise<void> {
  await tx.update(users).set({ name }).where(eq(users.id, userId));
}

/** Notes that a person has answered whether they want a passkey, so that they are not asked again. */
export async function markPasskeyOffered(tx: Tx | Db, userId: string, now: Date): Promise<void> {
  await tx
    .update(users)
    .set({ passkeyOfferedAt: now })
    .where(and(eq(users.id, userId), isNull(users.passkeyOfferedAt)));
}

/** Notes that a password was set without the old one; it sets up no first second factor by itself. */
export async function markRecovered(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.update(users).set({ recoveredAt: now, enrollUntil: null }).where(eq(users.id, userId));
}

/** Frees the email of a closed account for another one. The account still shows it, and is found by it no more. */
export async function releaseEmail(tx: Tx, userId: string): Promise<void> {
  await tx
    .update(users)
    .set({ emailKey: closedKey(userId), emailProvenAt: null })
    .where(eq(users.id, userId));
}

/**
 * Gives a person another number, or none. Where codes to the old one were a second factor, codes to the new one are, once it is
 * proven (`factorsOfUser`): whoever must hold one does not lose it.
 */
export async function setPhone(tx: Tx | Db, userId: string, phone: string | null): Promise<void> {
  const smsFactorSince = sql`case when ${phone}::text is not null then ${users.smsFactorSince} end`;
  await tx.update(users).set({ phone, phoneMovedAt: null, smsFactorSince }).where(eq(users.id, userId));
  await endTrustedDevices(tx, userId);
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
    .set({ phoneMovedAt: now, smsFactorSince: null })
    .where(and(eq(users.id, userId), eq(users.phone, phone)));
  await endTrustedDevices(tx, userId);
}

/** Shuts a locked account: its sessions open nothing from now on, and nobody signs in to it. */
export async function markDeactivated(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx.update(users).set({ deactivatedAt: now }).where(eq(users.id, userId));
}

/** Opens a locked account again that was shut. */
export async function markReactivated(tx: Tx, userId: string): Promise<void> {
  await tx.update(users).set({ deactivatedAt: null }).where(eq(users.id, userId));
}

/** Whether the email of a closed account was given away (`releaseEmail`), so that another account may have it by now. */
export function isEmailReleased(user: Pick<User, 'id' | 'emailKey'>): boolean {
  return user.emailKey === closedKey(user.id);
}

function closedKey(userId: string): string {
  return `closed:${userId}`;
}

/** Turns codes by text to the account's number into a second factor, or no longer. */
export async function setSmsFactor(tx: Tx, userId: string, since: Date | null): Promise<void> {
  const smsFactorChange = since === null ? null : thisChange;
  await tx.update(users).set({ smsFactorSince: since, smsFactorChange }).where(eq(users.id, userId));
}

/** Lets a password alone set up the first second factor until `until`, or no longer. */
export async function setEnrollUntil(tx: Tx, userId: string, until: Date | null): Promise<void> {
  await tx.update(users).set({ enrollUntil: until }).where(eq(users.id, userId));
}

/** Gives a locked account another role, which counts from its next request on. An admin has no codes by text. */
export async function setRole(tx: Tx, userId: string, role: Role): Promise<void> {
  const change = role === 'admin' ? { role, smsFactorSince: null } : { role };
  await tx.update(users).set(change).where(eq(users.id, userId));
  await endTrustedDevices(tx, userId);
}

/** Deletes a locked account and, by cascade, all that belongs to it alone. Out: its email. */
export async function deleteUser(tx: Tx, userId: string): Promise<string | null> {
  const [gone] = await tx.delete(users).where(eq(users.id, userId)).returning({ email: users.email });
  return gone?.email ?? null;
}
