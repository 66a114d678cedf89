import { and, eq, isNull } from 'drizzle-orm';
import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import { users } from '@/db/schema/accounts';
import { phoneNumbers } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { frozenUntil } from '@/lib/accounts/after-recovery';
import type { SessionUser } from '@/lib/accounts/sessions';
import { refuseFactors } from './change-factors';
import { passkeyCreationOptions } from './passkeys';

/**
 * Whether to offer an applicant a passkey: once their number is proven, as long as their session is fresh enough to add one,
 * until they have answered (`markPasskeyOffered`) or have one. Out: what the browser needs to make it; null: it is not offered.
 */
export async function readPasskeyOffer(
  db: Db,
  user: SessionUser,
  now: Date,
): Promise<PublicKeyCredentialCreationOptionsJSON | null> {
  const { userId, role, factors, phone } = user;
  if (role !== 'applicant' || factors.passkey || phone === null || refuseFactors(user, now) !== null) {
    return null;
  }
  const [account] = await db
    .select({ recoveredAt: users.recoveredAt })
    .from(users)
    .innerJoin(phoneNumbers, and(eq(phoneNumbers.number, phone), eq(phoneNumbers.holderUserId, users.id)))
    .where(and(eq(users.id, userId), isNull(users.passkeyOfferedAt)));
  if (account === undefined || frozenUntil(account, now) !== null) return null;
  return passkeyCreationOptions(db, user, now);
}
