import type { Db } from '@/db/client';
import {
  endApplications,
  findActed,
  findAssigned,
  findOldApplications,
  forgetActor,
  forgetAssignee,
} from '@/lib/applications/erase-applications';
import { eraseOrigins, findOrigins } from '@/lib/audit';
import { eraseConsentDetails, findConsentDetails } from '@/lib/consent/ledger';
import { anonymizeEndedTexts, findEndedTexts } from '@/lib/sms/outbox/erase-texts';
import { anonymizeAttempts, findTellingAttempts } from '@/lib/sms/verification/verification-log';

/** So many rows are a transaction: nobody waits for it longer than some milliseconds. */
const rowsAtOnce = 1_000;

/** So many ids are in memory at once. */
const idsAtOnce = 50_000;

/**
 * Takes out of the record of an account, which its owner has decided to delete, what `eraseAccount` would: from the texts that
 * are over, the attempts, the details of consents, the audit log, and the applications that they saw to, some rows at a time; and of
 * whoever has thousands of applications of their own, all but the newest. So the transaction that ends the
 * account, and that holds its numbers meanwhile, has little left to do, however much there was.
 */
export async function eraseAhead(db: Db, userId: string, now: Date): Promise<void> {
  await byBatches(
    () => findEndedTexts(db, userId, idsAtOnce),
    (ids) => anonymizeEndedTexts(db, ids),
  );
  await byBatches(
    () => findTellingAttempts(db, userId, now, idsAtOnce),
    (ids) => anonymizeAttempts(db, ids, now),
  );
  await byBatches(
    () => findConsentDetails(db, userId, idsAtOnce),
    (ids) => eraseConsentDetails(db, ids),
  );
  await byBatches(
    () => findOrigins(db, userId, idsAtOnce),
    (ids) => eraseOrigins(db, ids),
  );
  await byBatches(
    () => findActed(db, userId, now, idsAtOnce),
    (ids) => forgetActor(db, ids),
  );
  await byBatches(
    () => findAssigned(db, userId, idsAtOnce),
    (ids) => forgetAssignee(db, userId, ids),
  );
  await byBatches(
    () => findOldApplications(db, userId, idsAtOnce),
    (ids) => endApplications(db, userId, ids, now),
  );
}

async function byBatches(
  find: () => Promise<string[]>,
  erase: (ids: string[]) => Promise<void>,
): Promise<void> {
  for (;;) {
    const ids = await find();
    for (let from = 0; from < ids.length; from += rowsAtOnce) await erase(ids.slice(from, from + rowsAtOnce));
    if (ids.length < idsAtOnce) return;
  }
}
