import type { Db } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import { markDeletion } from '@/lib/accounts/deletion-mark';
import { lockForDeletion } from '@/lib/accounts/lock-users';
import { refuseStill, type RecoveredLately } from '@/lib/accounts/refuse-still';
import { unlessHeld } from '@/lib/accounts/unless-held';
import { findUser } from '@/lib/accounts/users';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { eraseAccount } from './erase-account';
import { eraseAhead } from './erase-ahead';
import { confirmIdentity, type IdentityRefusal } from '@/lib/auth/two-factor/confirm-identity';

export type DeleteAccountRefusal =
  IdentityRefusal | { reason: 'not_confirmed' | 'last_admin' | 'gone' } | RecoveredLately;

/**
 * Deletes an account, whose owner shows who they are (`confirmIdentity`; `eraseAccount` says what goes and what stays). The last
 * admin cannot go. Whether it may be is decided in one transaction, which marks the account (`markDeletion`); what is over and done
 * with is then erased by the batch, and one transaction ends the account. That the session ends meanwhile changes nothing. Where the
 * password is reset, by which an owner takes the account back, or an admin deactivates it, it stays, with less of a record.
 */
export async function deleteAccount(
  db: Db,
  person: { userId: string; sessionId: string; email: string },
  { currentPassword, confirmed }: { currentPassword: string; confirmed: boolean },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & DeleteAccountRefusal)> {
  if (!confirmed) return { ok: false, reason: 'not_confirmed' };
  const known = await confirmIdentity(db, person, currentPassword, context);
  if (!known.ok) return known;
  return unlessHeld(() => deleteKnown(db, person, context));
}

async function deleteKnown(
  db: Db,
  person: { userId: string; sessionId: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & DeleteAccountRefusal)> {
  const { userId } = person;
  const allowed = await db.transaction(async (tx) => {
    const locked = await lockForDeletion(tx, userId);
    if (!locked.ok) return locked;
    const refused = await refuseStill(tx, person, await findUser(tx, userId), context.now);
    if (refused !== null) return { ok: false as const, ...refused };
    await markDeletion(tx, userId, context.now);
    return locked;
  });
  if (!allowed.ok) return allowed;
  await eraseAhead(db, userId, context.now);
  return db.transaction(async (tx) => {
    const { locked } = await lockPerson(tx, userId, await findConsentedPhones(tx, userId), () =>
      lockForDeletion(tx, userId),
    );
    // It is done, and by whom does not matter.
    if (!locked.ok) return locked.reason === 'gone' ? { ok: true as const } : locked;
    const account = (await findUser(tx, userId))!;
    if (account.deactivatedAt !== null) return { ok: false as const, reason: 'not_open' as const };
    const retryAt = frozenUntil(account, context.now);
    if (retryAt !== null) return { ok: false as const, reason: 'recovered_lately' as const, retryAt };
    await eraseAccount(tx, { userId, actorId: userId, why: 'account_deleted' }, context);
    return { ok: true as const };
  });
}
