import type { Db, Tx } from '@/db/client';
import { findUser } from '@/lib/accounts/users';
import { recordAudit, type AuditAction } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { markNumber } from '@/lib/phone/mark';
import { isId } from '@/lib/random';
import { readNumber } from '@/lib/sms/numbers/number';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';

type Admin = { userId: string; sessionId: string };

export type RevealRefusal = StaleFactor | { reason: 'gone' };

/**
 * Tells an admin the number (E.164) of a person. The admin has shown a second factor within ten minutes, and the audit
 * has who asked about whom, in the same transaction: what cannot be written there is not told.
 */
export async function revealPerson(
  db: Db,
  admin: Admin,
  userId: string,
  context: RequestContext,
): Promise<{ ok: true; phone: string } | ({ ok: false } & RevealRefusal)> {
  return db.transaction(async (tx) => {
    const stale = await refuseWithoutFactor(tx, admin, context.now);
    if (stale !== null) return { ok: false, ...stale };
    const user = isId(userId) ? await findUser(tx, userId) : null;
    if (user === null || user.phone === null) return { ok: false, reason: 'gone' };
    await noteReveal(tx, { action: 'contact_revealed', admin, userId: user.id, details: {} }, context);
    return { ok: true, phone: user.phone };
  });
}

/**
 * Lets an admin see a number, under the same conditions. The audit names who holds it, if anyone does, and the number by its keyed
 * mark.
 */
export async function revealNumber(
  db: Db,
  admin: Admin,
  phone: string,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & StaleFactor)> {
  return db.transaction(async (tx) => {
    const stale = await refuseWithoutFactor(tx, admin, context.now);
    if (stale !== null) return { ok: false, ...stale };
    const userId = (await readNumber(tx, phone))?.holderUserId ?? null;
    const details = { number: markNumber(phone) };
    await noteReveal(tx, { action: 'number_revealed', admin, userId, details }, context);
    return { ok: true };
  });
}

function noteReveal(
  tx: Tx,
  {
    admin,
    ...entry
  }: {
    action: Extract<AuditAction, 'contact_revealed' | 'number_revealed'>;
    admin: Admin;
    userId: string | null;
    details: Record<string, string>;
  },
  context: RequestContext,
): Promise<void> {
  return recordAudit(tx, { ...entry, actorId: admin.userId }, context);
}
