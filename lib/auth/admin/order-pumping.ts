import type { Db, Tx } from '@/db/client';
import { isOpenAdmin, lockUser } from '@/lib/accounts/lock-users';
import { recordAudit } from '@/lib/audit';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';
import type { RequestContext } from '@/lib/context';
import { isId } from '@/lib/random';
import { prefixOf } from '@/lib/sms/capacity/budget';
import { endOrder, giveOrder, numberScopes, prefixScope } from '@/lib/sms/pumping/orders';

/** For so many days at the longest: whoever ordered it looks again. */
export const longestOrderDays = 90;

type Admin = { userId: string; sessionId: string };

/**
 * Blocks or allows codes to one new number, or to all that differ from it in the last four digits, for some days from now: by an
 * admin who gives a reason and has shown who they are. It takes the place of what was ordered about the same before. `phone` is
 * E.164; `days`: a whole number from 1 to `longestOrderDays`. The audit does not name the number.
 */
export async function orderPumping(
  db: Db,
  admin: Admin,
  order: {
    kind: 'blocked' | 'allowed';
    about: 'number' | 'range';
    phone: string;
    days: number;
    reason: string;
  },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (StaleFactor | { reason: 'not_admin' | 'wrong_days' }))> {
  const { kind, about, phone, days, reason } = order;
  if (!Number.isInteger(days) || days < 1 || days > longestOrderDays) {
    return { ok: false, reason: 'wrong_days' };
  }
  return byAdmin(db, admin, context, async (tx, adminId) => {
    const isNumber = about === 'number';
    const [scope, ...formerScopes] = isNumber ? numberScopes(phone) : [prefixScope(prefixOf(phone))];
    const id = await giveOrder(
      tx,
      {
        kind,
        scope: scope!,
        formerScopes,
        lastDigits: isNumber ? phone.slice(-4) : null,
        endsAt: new Date(context.now.getTime() + days * 24 * 3600 * 1000),
        adminId,
        reason,
      },
      context.now,
    );
    const details = { order: id, kind, about, days, reason };
    await recordAudit(tx, { action: 'pumping_ordered', userId: null, actorId: adminId, details }, context);
    return { ok: true as const };
  });
}

/**
 * Ends what the guard or an admin ordered before its end: by an admin who gives a reason and has shown who they are. `settled`: it
 * has ended already.
 */
export async function endPumpingOrder(
  db: Db,
  admin: Admin,
  { id, reason }: { id: string; reason: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (StaleFactor | { reason: 'not_admin' | 'settled' }))> {
  if (!isId(id)) return { ok: false, reason: 'settled' };
  return byAdmin(db, admin, context, async (tx, adminId) => {
    const ended = await endOrder(tx, { id, adminId, reason }, context.now);
    if (ended === null) return { ok: false as const, reason: 'settled' as const };
    const details = { order: id, kind: ended.kind, reason };
    await recordAudit(
      tx,
      { action: 'pumping_order_ended', userId: null, actorId: adminId, details },
      context,
    );
    return { ok: true as const };
  });
}

async function byAdmin<Answer>(
  db: Db,
  admin: Admin,
  context: RequestContext,
  act: (tx: Tx, adminId: string) => Promise<Answer>,
): Promise<Answer | ({ ok: false } & (StaleFactor | { reason: 'not_admin' }))> {
  return db.transaction(async (tx) => {
    const user = await lockUser(tx, admin.userId);
    const stale = await refuseWithoutFactor(tx, admin, context.now);
    if (stale !== null) return { ok: false as const, ...stale };
    if (user === null || !isOpenAdmin(user)) return { ok: false as const, reason: 'not_admin' as const };
    return act(tx, user.id);
  });
}
