import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';
import { changeRole, type RoleRefusal } from './change-role';
import { deactivateAccount, type DeactivationRefusal } from './deactivate-account';
import { endAllSessions } from '@/lib/auth/admin/end-all-sessions';
import { sendEnrollLink, type EnrollLinkGiven, type EnrollLinkRefusal } from './give-enroll-link';
import { requestFactorsReset, type ResetRequestRefusal } from './request-factors-reset';
import { reactivateAccount, type ReactivationRefusal } from './reactivate-account';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';
import { unlockAccount } from './unlock-account';

/** What an admin does to someone else's account. */
export type AccountChange =
  | { do: 'change_role'; role: Role }
  | { do: 'deactivate' | 'reactivate' | 'end_sessions' | 'unlock' | 'reset_factors' | 'send_enroll_link' };

export type AccountChangeRefusal =
  | StaleFactor
  | {
      reason:
        RoleRefusal | DeactivationRefusal | ReactivationRefusal | ResetRequestRefusal | EnrollLinkRefusal;
    };

/**
 * Does something to someone else's account, by an admin who gives a reason and has shown who they are, in a session that lasts
 * until it is done. The reason is in the
 * audit with both of them, in the transaction of the action. Out: how a link to set up a second factor goes to the person, where
 * one was made.
 */
export async function manageAccount(
  db: Db,
  admin: { userId: string; sessionId: string },
  { userId, change, reason }: { userId: string; change: AccountChange; reason: string },
  context: RequestContext,
): Promise<
  { ok: true; enroll?: EnrollLinkGiven | { by: 'text' } | null } | ({ ok: false } & AccountChangeRefusal)
> {
  if (!isId(userId)) return { ok: false, reason: 'gone' };
  if (userId === admin.userId) return { ok: false, reason: 'self' };
  const stale = await refuseWithoutFactor(db, admin, context.now);
  if (stale !== null) return { ok: false, ...stale };
  const what = { userId, author: { adminId: admin.userId, sessionId: admin.sessionId, reason } };
  switch (change.do) {
    case 'change_role':
      return changeRole(db, { ...what, role: change.role }, context);
    case 'deactivate':
      return deactivateAccount(db, what, context);
    case 'reactivate':
      return reactivateAccount(db, what, context);
    case 'end_sessions':
      return endAllSessions(db, what, context);
    case 'unlock':
      return unlockAccount(db, what, context);
    case 'reset_factors':
      return requestFactorsReset(db, what, context);
    case 'send_enroll_link':
      return sendEnrollLink(db, what, context);
  }
}
