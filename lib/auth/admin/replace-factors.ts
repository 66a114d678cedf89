import type { Db } from '@/db/client';
import { lockUser } from '@/lib/accounts/lock-users';
import type { RequestContext } from '@/lib/context';
import { resetFactors } from '@/lib/auth/two-factor/remove-factors';
import { auditOf } from './author';
import { giveEnrollLink, type EnrollLinkGiven } from './give-enroll-link';

/**
 * Takes all second factors off an account at once and signs it out everywhere, by someone at the terminal: for when no admin is
 * left who could, or neither mail nor text reaches the person. The owner is told.
 *
 * In: `operator`, who does it, by their login name. Out: the link by which the person sets up new ones; null for an applicant,
 * who needs none to sign in.
 */
export async function replaceFactors(
  db: Db,
  { userId, operator }: { userId: string; operator: string },
  context: RequestContext,
): Promise<
  { ok: true; enroll: EnrollLinkGiven | null } | { ok: false; reason: 'gone' | 'deactivated' | 'not_active' }
> {
  return db.transaction(async (tx) => {
    const user = await lockUser(tx, userId);
    if (user === null) return { ok: false as const, reason: 'gone' as const };
    if (user.deactivatedAt !== null) return { ok: false as const, reason: 'deactivated' as const };
    if (user.activatedAt === null) return { ok: false as const, reason: 'not_active' as const };
    await resetFactors(tx, user, auditOf({ operator }), context);
    const isFree = user.role === 'applicant';
    return {
      ok: true as const,
      enroll: isFree ? null : await giveEnrollLink(tx, user, { operator }, context),
    };
  });
}
