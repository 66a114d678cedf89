import type { Db } from '@/db/client';
import { markDeletion } from '@/lib/accounts/deletion-mark';
import { lockForDeletion } from '@/lib/accounts/lock-users';
import { refuseStill, type RecoveredLately } from '@/lib/accounts/refuse-still';
import { findUser } from '@/lib/accounts/users';
import type { RequestContext } from '@/lib/context';
import { finishDeletion } from './finish-deletion';
import { confirmIdentity, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';

export type DeleteAccountRefusal =
  IdentityRefusal | { reason: 'not_confirmed' | 'last_admin' | 'gone' } | RecoveredLately;

/**
 * Deletes an account, whose owner shows who they are (`confirmIdentity`; `eraseAccount` says what goes and what stays). The last
 * admin cannot go. Whether it may be is decided in one transaction, which marks the account; from then on it is deleted
 * (`finishDeletion`), also where this process dies (`finishDeletions`).
 */
export async function deleteAccount(
  db: Db,
  person: { userId: string; sessionId: string; email: string },
  { currentPassword, confirmed }: { currentPassword: string; confirmed: boolean },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & DeleteAccountRefusal)> {
  const { userId } = person;
  if (!confirmed) return { ok: false, reason: 'not_confirmed' };
  const known = await confirmIdentity(db, person, currentPassword, context);
  if (!known.ok) return known;
  const allowed = await db.transaction(async (tx) => {
    const locked = await lockForDeletion(tx, userId);
    if (!locked.ok) return locked;
    const refused = await refuseStill(tx, person, await findUser(tx, userId), context.now);
    if (refused !== null) return { ok: false as const, ...refused };
    await markDeletion(tx, userId, context.now);
    return locked;
  });
  if (!allowed.ok) return allowed;
  return finishDeletion(db, userId, context);
}
