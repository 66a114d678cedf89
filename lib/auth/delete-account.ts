import type { ConsentScope } from '@/db/schema/consent';
import type { Db } from '@/db/client';
import { deleteUser, lockForDeletion } from '@/lib/accounts/users';
import { anonymizeAudit, recordAudit } from '@/lib/audit';
import { eraseConsentDetails, findConsentedPhones, withdrawConsent } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endChallenge } from '@/lib/sms/challenge';
import { findHeldNumbers, releaseNumber } from '@/lib/sms/number';
import { anonymizeTexts, cancelTexts } from '@/lib/sms/outbox';
import { lockPerson } from '@/lib/sms/person-numbers';
import { anonymizeVerifications } from '@/lib/sms/verification-log';
import { reauthenticate, type ReauthenticationRefusal } from './reauthenticate';

export type DeleteAccountRefusal =
  ReauthenticationRefusal | { reason: 'not_confirmed' | 'last_admin' | 'gone' };

const bothScopes: readonly ConsentScope[] = ['verification', 'updates'];

/**
 * Deletes an account against its password, all in one transaction: waiting texts are withdrawn, challenges, sessions and
 * tokens end, the number is free for anybody to prove.
 *
 * What stays: the ledger of consents in its minimal form (number, scope, wording, time; the law lets a person be held to
 * account for texts for four years, 28 U.S.C. 1658), without addresses and browsers; the record of texts and attempts
 * without the number, the name or anything of the person; a number's own opt-out. The last admin cannot go.
 */
export async function deleteAccount(
  db: Db,
  person: { userId: string; sessionId: string; email: string },
  { currentPassword, confirmed }: { currentPassword: string; confirmed: boolean },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & DeleteAccountRefusal)> {
  const { userId } = person;
  const { now } = context;
  if (!confirmed) return { ok: false, reason: 'not_confirmed' };
  const known = await reauthenticate(db, person, currentPassword, context);
  if (!known.ok) return known;
  return db.transaction(async (tx) => {
    const { locked } = await lockPerson(tx, userId, await findConsentedPhones(tx, userId), () =>
      lockForDeletion(tx, userId),
    );
    if (!locked.ok) return locked;
    await endChallenge(tx, userId, 'number_changed', now);
    await cancelTexts(tx, { userId }, 'account_deleted', now);
    for (const phone of await findHeldNumbers(tx, userId)) await releaseNumber(tx, phone, userId);
    for (const phone of await findConsentedPhones(tx, userId)) {
      await withdrawConsent(tx, { userId, phone, scopes: bothScopes, medium: 'account_deleted' }, now);
    }
    await eraseConsentDetails(tx, userId);
    await anonymizeTexts(tx, userId);
    await anonymizeVerifications(tx, userId);
    await recordAudit(tx, { action: 'account_deleted', userId }, context);
    await anonymizeAudit(tx, userId);
    await deleteUser(tx, userId);
    return { ok: true as const };
  });
}
