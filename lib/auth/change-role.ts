import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { setRole } from '@/lib/accounts/users';
import { lockAmongAdmins } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';

export type RoleRefusal = 'gone' | 'deactivated' | 'same_role' | 'last_admin';

/**
 * Gives an account another role, by an operator. It counts from the person's next request on, in the sessions that they
 * have. The last open account of an admin keeps its role. Out: the role it was.
 */
export async function changeRole(
  db: Db,
  { userId, role, operator }: { userId: string; role: Role; operator: string },
  context: RequestContext,
): Promise<{ ok: true; from: Role } | { ok: false; reason: RoleRefusal }> {
  return db.transaction(async (tx) => {
    const { user, isLastAdmin } = await lockAmongAdmins(tx, userId);
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    if (user.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated' as const };
    if (user.role === role) return { ok: false as const, reason: 'same_role' as const };
    if (isLastAdmin) return { ok: false as const, reason: 'last_admin' as const };
    await setRole(tx, userId, role);
    const details = { from: user.role, to: role, operator };
    await recordAudit(tx, { action: 'role_changed', userId, actorId: null, details }, context);
    return { ok: true as const, from: user.role };
  });
}
