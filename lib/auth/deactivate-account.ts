import type { Db } from '@/db/client';
import { markDeactivated } from '@/lib/accounts/users';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { endChallenge } from '@/lib/sms/verification/challenge';
import { cancelTexts } from '@/lib/sms/outbox/outbox';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { endAllAccess } from './end-sessions';

export type DeactivationRefusal = 'gone' | 'deactivated_already' | 'last_admin';

/**
 * Shuts an account, by an operator, all in one transaction: the person is signed out everywhere and can sign in no more,
 * their open code is void, and their waiting texts are withdrawn. The send policy refuses every later one. Nothing is deleted, their
 * number stays theirs until someone else proves it, and the ledger of consents is left as it is. The last open account of
 * an admin stays.
 */
export async function deactivateAccount(
  db: Db,
  { userId, operator }: { userId: string; operator: string },
  context: RequestContext,
): Promise<{ ok: true } | { ok: false; reason: DeactivationRefusal }> {
  const { now } = context;
  return db.transaction(async (tx) => {
    const { locked } = await lockPerson(tx, userId, [], () => lockAmongAdmins(tx, userId));
    const { user, isLastAdmin } = locked;
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    if (user.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated_already' as const };
    if (isLastAdmin) return { ok: false as const, reason: 'last_admin' as const };
    await markDeactivated(tx, userId, now);
    await endAllAccess(tx, userId);
    await endChallenge(tx, userId, 'deactivated', now);
    await cancelTexts(tx, { userId }, 'account_deactivated', now);
    const details = { operator };
    await recordAudit(tx, { action: 'account_deactivated', userId, actorId: null, details }, context);
    return { ok: true as const };
  });
}
