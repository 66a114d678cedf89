import type { Db } from '@/db/client';
import { findCutOffDeletions, markDeletion } from '@/lib/accounts/deletion-mark';
import { lockForDeletion } from '@/lib/accounts/lock-users';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { openLog } from '@/lib/log';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { eraseAccount } from './erase-account';
import { eraseAhead } from './erase-ahead';

/**
 * Ends an account whose owner has decided to delete it, and which is marked so (`markDeletion`): first what is over and done with, by
 * the batch, then the rest in one transaction. What was decided is carried out, whatever becomes of the session meanwhile: half of the
 * record would be lost else. Only the last admin stays, who has become that meanwhile.
 */
export async function finishDeletion(
  db: Db,
  userId: string,
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: 'last_admin' }> {
  await eraseAhead(db, userId, context.now);
  return db.transaction(async (tx) => {
    const { locked } = await lockPerson(tx, userId, await findConsentedPhones(tx, userId), () =>
      lockForDeletion(tx, userId),
    );
    if (locked.ok) await eraseAccount(tx, { userId, actorId: userId, why: 'account_deleted' }, context);
    else if (locked.reason === 'last_admin') {
      await markDeletion(tx, userId, null);
      return { ok: false, reason: locked.reason };
    }
    return { ok: true };
  });
}

/**
 * Carries out deletions that were cut off, such as by the end of their process, `limit` at most. One that fails is logged and keeps no
 * other. Out: how many accounts were looked after.
 */
export async function finishDeletions(db: Db, now: Date, limit: number): Promise<number> {
  let finished = 0;
  for (const userId of await findCutOffDeletions(db, now, limit)) {
    try {
      await finishDeletion(db, userId, { now, address: 'unknown', userAgent: null });
      finished += 1;
    } catch (error) {
      openLog().warn('deletion_not_finished', { error });
    }
  }
  return finished;
}
