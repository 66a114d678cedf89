import type { Tx } from '@/db/client';
import { markDeactivated, releaseEmail, type User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { withdrawAll } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endLinks } from '@/lib/mail/links';
import { findHeldNumbers, releaseNumber } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { endChallenge } from '@/lib/sms/verification/challenge';
import { endAllAccess } from '@/lib/auth/sign-in/end-sessions';
import { eraseAccount } from '@/lib/auth/ending/erase-account';

/**
 * Why: the owner of the address opens a new account at it (`account_claimed`), or says that they never made this one
 * (`account_disowned`).
 */
export type UnprovenEnd = 'account_claimed' | 'account_disowned';

/**
 * Whether whoever reads mail at an account's address may close it: an applicant's whose address was never proven. Everyone
 * else's account was made by an operator or by an invitation.
 */
export function canBeClosed(user: Pick<User, 'role' | 'emailProvenAt'>): boolean {
  return user.role === 'applicant' && user.emailProvenAt === null;
}

/**
 * Closes an account whose address belongs to someone else, in the caller's transaction: it is deactivated, everything that it
 * has under way ends, its consents are withdrawn, its number and its address are free. What it had can still be looked at by
 * staff. One that is pending had nothing, and is erased. The caller has locked the person with all their numbers
 * (`lockPerson`), also those at which they still consent.
 */
export async function closeUnproven(
  tx: Tx,
  user: User,
  why: UnprovenEnd,
  context: RequestContext,
): Promise<void> {
  const { id: userId } = user;
  const { now } = context;
  if (user.activatedAt === null) {
    await eraseAccount(tx, { userId, actorId: null, why: 'account_replaced' }, context);
    return;
  }
  await markDeactivated(tx, userId, now);
  await endAllAccess(tx, userId);
  await endLinks(tx, userId, { notMe: 'end', now });
  await endChallenge(tx, userId, 'deactivated', now);
  await cancelTexts(tx, { userId }, why, now);
  for (const phone of await findHeldNumbers(tx, userId)) await releaseNumber(tx, phone, userId);
  await withdrawAll(tx, { userId, medium: why }, now);
  await releaseEmail(tx, userId);
  // Without address and browser: they are those of someone else.
  await recordAudit(
    tx,
    { action: why, userId, actorId: null },
    { ...context, address: 'unknown', userAgent: null },
  );
}
