import type { Db } from '@/db/client';
import { lockUser } from '@/lib/accounts/lock-users';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { findUser, setName } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';

/**
 * Gives a person the name that they ask for. Nothing is written, and nothing counted, where it is theirs already. Others are counted:
 * each leaves a row in the log, and nothing but an open browser is asked for.
 */
export async function changeName(
  db: Db,
  userId: string,
  name: string,
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (Busy | TooManyChanges))> {
  if ((await findUser(db, userId))?.name === name) return { ok: true };
  const hit = await takeSettingsHit(db, { userId, kind: 'name' }, context.now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  const changed = await unlessHeld(() =>
    db.transaction(async (tx) => {
      const user = await lockUser(tx, userId);
      if (user === null || user.name === name) return { ok: true as const, isWritten: false };
      await setName(tx, userId, name);
      await recordAudit(tx, { action: 'name_changed', userId }, context);
      return { ok: true as const, isWritten: true };
    }),
  );
  if (!changed.ok || !changed.isWritten) await hit.refund();
  return changed.ok ? { ok: true } : changed;
}
