import type { Db } from '@/db/client';
import { listReceipts, type Receipt } from '@/lib/consent/receipts';
import { listTexts, type SentText } from '@/lib/sms/outbox/history';
import { readPreferences } from './preferences';

const textsPerPage = 50;

/** Each has its whole wording with it. */
const receiptsPerPage = 20;

/** Where each of the two lists goes on; null: it begins with the newest. */
export type RecordPlace = { texts: { createdAt: Date; id: string } | null; receipts: number | null };

/** A page of a person's record; `timeZone` null: none is known. */
export type RecordPage = {
  timeZone: string | null;
  texts: readonly SentText[];
  /** Where the next page of texts begins; null: this is the last. */
  olderTexts: RecordPlace['texts'];
  /** What they agreed to or withdrew. */
  receipts: readonly Receipt[];
  /** The same of these. */
  olderReceipts: RecordPlace['receipts'];
};

/** Reads it: four statements, at most two of them one after the other. */
export async function readRecordPage(
  db: Db,
  user: { userId: string; phone: string | null },
  before: RecordPlace,
): Promise<RecordPage> {
  const [preferences, texts, receipts] = await Promise.all([
    readPreferences(db, user.userId),
    listTexts(db, user, { limit: textsPerPage + 1, before: before.texts }),
    listReceipts(db, user.userId, { limit: receiptsPerPage + 1, before: before.receipts }),
  ]);
  return {
    timeZone: preferences?.timeZone ?? null,
    texts: texts.slice(0, textsPerPage),
    olderTexts: texts.length > textsPerPage ? texts[textsPerPage - 1]! : null,
    receipts: receipts.slice(0, receiptsPerPage),
    olderReceipts: receipts.length > receiptsPerPage ? receipts[receiptsPerPage - 1]!.id : null,
  };
}
