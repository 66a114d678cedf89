import type { Role } from '@/db/schema/accounts';
import { secondFactorGrace } from '@/db/schema/two-factor';
import type { Db } from '@/db/client';
import { isOpenAdmin, lockUser } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';
import type { RequestContext } from '@/lib/context';

/** Who may be given time to set up a second factor. Admins never: they give it. */
export const graceRoles = ['broker', 'staff'] as const satisfies readonly Role[];
type GraceRole = (typeof graceRoles)[number];

/** For so many days at the longest. */
export const longestGraceDays = 14;

/**
 * Lets the people of a role work without a second factor for some days from now, or with 0 no longer, by an admin who gives a
 * reason and has shown who they are. Whoever holds none by then only gets to set one up. `days`: a whole number up to
 * `longestGraceDays`.
 */
export async function setGrace(
  db: Db,
  admin: { userId: string; sessionId: string },
  { role, days, reason }: { role: GraceRole; days: number; reason: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (StaleFactor | { reason: 'not_admin' | 'wrong_days' }))> {
  const { now } = context;
  if (!Number.isInteger(days) || days < 0 || days > longestGraceDays) {
    return { ok: false, reason: 'wrong_days' };
  }
  return db.transaction(async (tx) => {
    const user = await lockUser(tx, admin.userId);
    const stale = await refuseWithoutFactor(tx, admin, now);
    if (stale !== null) return { ok: false as const, ...stale };
    if (user === null || !isOpenAdmin(user)) return { ok: false as const, reason: 'not_admin' as const };
    const endsAt = new Date(now.getTime() + days * 24 * 3600 * 1000);
    await tx
      .insert(secondFactorGrace)
      .values({ role, endsAt })
      .onConflictDoUpdate({ target: secondFactorGrace.role, set: { endsAt } });
    const details = { role, days, reason };
    await recordAudit(
      tx,
      { action: 'second_factor_grace_set', userId: null, actorId: user.id, details },
      context,
    );
    return { ok: true as const };
  });
}
