import type { Db } from '@/db/client';
import { lockForDeletion } from '@/lib/accounts/users';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { lockPerson } from '@/lib/sms/person-numbers';
import { eraseAccount } from './erase-account';
import { reauthenticate, type ReauthenticationRefusal } from './reauthenticate';

export type DeleteAccountRefusal =
  ReauthenticationRefusal | { reason: 'not_confirmed' | 'last_admin' | 'gone' };

/**
 * Deletes an account against its password, all in one transaction (`eraseAccount` says what goes and what stays). The last
 * admin cannot go.
 */
export async function deleteAccount(
  db: Db,
  person: { userId: string; sessionId: string; email: string },
  { currentPassword, confirmed }: { currentPassword: string; confirmed: boolean },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & DeleteAccountRefusal)> {
  const { userId } = person;
  if (!confirmed) return { ok: false, reason: 'not_confirmed' };
  const known = await reauthenticate(db, person, currentPassword, context);
  if (!known.ok) return known;
  return db.transaction(async (tx) => {
    const { locked } = await lockPerson(tx, userId, await findConsentedPhones(tx, userId), () =>
      lockForDeletion(tx, userId),
    );
    if (!locked.ok) return locked;
    await eraseAccount(tx, { userId, actorId: userId, why: 'account_deleted' }, context);
    return { ok: true as const };
  });
}
