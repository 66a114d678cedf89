import type { Db, Tx } from '@/db/client';
import { users } from '@/db/schema/accounts';
import { and, eq } from 'drizzle-orm';
import { noPassword } from './password';
import { endTrustedDevices } from './trusted-devices';

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

/**
 * Puts another password in the place of the one that was checked; browsers that were trusted are so no more. False: it was
 * changed meanwhile, and nothing was done.
 */
export async function changePasswordHash(
  tx: Tx,
  { userId, from, to, now }: { userId: string; from: string; to: string; now: Date },
): Promise<boolean> {
  const changed = await tx
    .update(users)
    .set({ passwordHash: to, passwordChangedAt: now })
    .where(and(eq(users.id, userId), eq(users.passwordHash, from)))
    .returning({ id: users.id });
  if (changed.length === 0) return false;
  await endTrustedDevices(tx, userId);
  return true;
}

/** Takes the password away: none opens the account until another one is set. Browsers that knew it do so no more. */
export async function forgetPassword(tx: Tx, userId: string, now: Date): Promise<void> {
  await tx
    .update(users)
    .set({ passwordHash: noPassword, passwordChangedAt: now })
    .where(eq(users.id, userId));
  await endTrustedDevices(tx, userId);
}
