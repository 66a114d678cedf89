import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { releaseProtectedNumber } from '@/lib/sms/verification/protected-number';
import { reauthenticate, type ReauthenticationRefusal } from './reauthenticate';

/** Takes a protected number off its holder, against the admin's own password; see `releaseProtectedNumber`. */
export async function releaseNumberOf(
  db: Db,
  admin: { userId: string; sessionId: string; email: string },
  { proofId, currentPassword }: { proofId: number; currentPassword: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (ReauthenticationRefusal | { reason: 'settled' }))> {
  const known = await reauthenticate(db, admin, currentPassword, context);
  return known.ok ? releaseProtectedNumber(db, { proofId, adminId: admin.userId }, context) : known;
}
