import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { releaseProtectedNumber } from '@/lib/sms/verification/protected-number';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';

/** Takes a protected number off its holder, by an admin who has shown who they are; see `releaseProtectedNumber`. */
export async function releaseNumberOf(
  db: Db,
  admin: { userId: string; sessionId: string },
  { proofId }: { proofId: number },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (StaleFactor | { reason: 'settled' | 'not_admin' }))> {
  const stale = await refuseWithoutFactor(db, admin, context.now);
  if (stale !== null) return { ok: false, ...stale };
  return releaseProtectedNumber(db, { proofId, admin }, context);
}
