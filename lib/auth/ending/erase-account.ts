import type { Tx } from '@/db/client';
import { lockForErasure } from '@/lib/accounts/lock-users';
import { deleteUser } from '@/lib/accounts/users';
import { eraseApplications } from '@/lib/applications/erase-applications';
import { eraseOrigins, findOrigins, recordAudit } from '@/lib/audit';
import { eraseConsentDetails, findConsentDetails, withdrawAll } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { eraseUnowned } from '@/lib/mail/links';
import { endChallenge } from '@/lib/sms/verification/challenge';
import { findHeldNumbers, releaseNumber } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { anonymizeTexts } from '@/lib/sms/outbox/erase-texts';
import { lockPreferences } from '@/lib/sms/preferences/preferences';
import { anonymizeAttempts, findTellingAttempts } from '@/lib/sms/verification/verification-log';

/** Why an account ends: its owner wishes it, its email is registered again, or nobody finished registering. */
export type AccountEnd = 'account_deleted' | 'account_replaced' | 'account_expired';

/**
 * Ends an account, in the caller's transaction: waiting texts are withdrawn, challenges, sessions and tokens end, and the
 * number is free for anyone to prove. The caller has locked the person with all their numbers (`lockPerson`), also those
 * at which they still consent, and has decided that the account may end.
 *
 * What stays: the ledger of consents in its minimal form (number, scope, wording, time; the law lets a person be held to
 * account for texts for four years, 28 U.S.C. 1658), without addresses and browsers; the record of texts and attempts with
 * a keyed mark in the place of the number, without the name or anything else of the person; a number's own opt-out.
 */
export async function eraseAccount(
  tx: Tx,
  { userId, actorId, why }: { userId: string; actorId: string | null; why: AccountEnd },
  context: RequestContext,
): Promise<void> {
  const { now } = context;
  await lockForErasure(tx, userId);
  // Before the texts, as by whoever turns them off.
  await lockPreferences(tx, userId);
  await endChallenge(tx, userId, 'number_changed', now);
  await cancelTexts(tx, { userId }, why, now);
  for (const phone of await findHeldNumbers(tx, userId)) await releaseNumber(tx, phone, userId);
  await withdrawAll(tx, { userId, medium: why }, now);
  await eraseConsentDetails(tx, await findConsentDetails(tx, userId, null));
  await eraseApplications(tx, userId, now);
  await anonymizeTexts(tx, userId);
  await anonymizeAttempts(tx, await findTellingAttempts(tx, userId, now, null), now);
  await recordAudit(tx, { action: why, userId, actorId }, context);
  await eraseOrigins(tx, await findOrigins(tx, userId, null));
  const email = await deleteUser(tx, userId);
  if (email !== null) await eraseUnowned(tx, email);
}
