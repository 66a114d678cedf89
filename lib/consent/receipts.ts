import { and, desc, eq, lt } from 'drizzle-orm';
import {
  smsConsentDetails,
  smsConsents,
  type ConsentAction,
  type ConsentMedium,
  type ConsentScope,
} from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';

/** One act of the ledger as its person may keep it: what was agreed to, withdrawn or resumed, when, how, and in which words. */
export type Receipt = {
  id: number;
  at: Date;
  action: ConsentAction;
  scope: ConsentScope;
  medium: ConsentMedium;
  /** E.164. */
  phone: string;
  sender: string;
  /** The legal person, the sender of the texts (number or service), the language and the page; null where not recorded. */
  legalSender: string | null;
  sentFrom: string | null;
  language: string | null;
  page: string | null;
  /** Null for a withdrawal, which shows no text. */
  wordingVersion: string | null;
  wording: string | null;
  address: string | null;
  userAgent: string | null;
};

/**
 * The consents that a person gave or withdrew, newest first: all, or `limit` of those before the one with the id `before`;
 * `phone`: only those for that number.
 */
export async function listReceipts(
  db: Db | Tx,
  userId: string,
  {
    limit = null,
    before = null,
    phone = null,
  }: { limit?: number | null; before?: number | null; phone?: string | null } = {},
): Promise<Receipt[]> {
  const receipts = db
    .select({
      id: smsConsents.id,
      at: smsConsents.at,
      action: smsConsents.action,
      scope: smsConsents.scope,
      medium: smsConsents.medium,
      phone: smsConsents.phone,
      sender: smsConsents.sender,
      legalSender: smsConsents.legalSender,
      sentFrom: smsConsents.sentFrom,
      language: smsConsents.language,
      page: smsConsents.page,
      wordingVersion: smsConsents.wordingVersion,
      wording: smsConsents.wording,
      address: smsConsentDetails.address,
      userAgent: smsConsentDetails.userAgent,
    })
    .from(smsConsents)
    .leftJoin(smsConsentDetails, eq(smsConsentDetails.consentId, smsConsents.id))
    .where(
      and(
        eq(smsConsents.userId, userId),
        before === null ? undefined : lt(smsConsents.id, before),
        phone === null ? undefined : eq(smsConsents.phone, phone),
      ),
    )
    .orderBy(desc(smsConsents.id));
  return limit === null ? receipts : receipts.limit(limit);
}
