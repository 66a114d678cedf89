import type { ConsentScope } from '@/db/schema/consent';
import type { Tx } from '@/db/client';
import { deleteUser } from '@/lib/accounts/users';
import { eraseOrigins, findOrigins, recordAudit } from '@/lib/audit';
import { eraseConsentDetails, findConsentedPhones, withdrawConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endChallenge } from '@/lib/sms/verification/challenge';
import { findHeldNumbers, releaseNumber } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/outbox';
import { anonymizeTexts } from '@/lib/sms/outbox/erase-texts';
import { anonymizeAttempts, findTellingAttempts } from '@/lib/sms/verification/log';

/** Why an account ends: its owner wishes it, its email is registered again, or nobody finished registering. */
export type AccountEnd = 'account_deleted' | 'account_replaced' | 'account_expired';

const bothScopes: readonly ConsentScope[] = ['verification', 'updates'];

/**
 * Ends an account, in the caller's transaction: waiting texts are withdrawn, challenges, sessions and tokens end, and the
 * number is free for anyone to prove. The caller has locked the person with all their numbers (`lockPerson`), those they
 * ever agreed to texts at included, and has decided that the account may end.
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
  await endChallenge(tx, userId, 'number_changed', now);
  await cancelTexts(tx, { userId }, why, now);
  for (const phone of await findHeldNumbers(tx, userId)) await releaseNumber(tx, phone, userId);
  for (const phone of await findConsentedPhones(tx, userId)) {
    await withdrawConsent(tx, { userId, phone, scopes: bothScopes, medium: why }, now);
  }
  await eraseConsentDetails(tx, userId);
  await anonymizeTexts(tx, userId);
  await anonymizeAttempts(tx, await findTellingAttempts(tx, userId, now, null), now);
  await recordAudit(tx, { action: why, userId, actorId }, context);
  await eraseOrigins(tx, await findOrigins(tx, userId, null));
  await deleteUser(tx, userId);
}
