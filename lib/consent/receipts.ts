import { desc, eq } from 'drizzle-orm';
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
  /** Null for a withdrawal, which shows no text. */
  wordingVersion: string | null;
  wording: string | null;
  address: string | null;
  userAgent: string | null;
};

/** Every consent that a person gave or withdrew, newest first. */
export async function listReceipts(db: Db | Tx, userId: string): Promise<Receipt[]> {
  return db
    .select({
      id: smsConsents.id,
      at: smsConsents.at,
      action: smsConsents.action,
      scope: smsConsents.scope,
      medium: smsConsents.medium,
      phone: smsConsents.phone,
      sender: smsConsents.sender,
      wordingVersion: smsConsents.wordingVersion,
      wording: smsConsents.wording,
      address: smsConsentDetails.address,
      userAgent: smsConsentDetails.userAgent,
    })
    .from(smsConsents)
    .leftJoin(smsConsentDetails, eq(smsConsentDetails.consentId, smsConsents.id))
    .where(eq(smsConsents.userId, userId))
    .orderBy(desc(smsConsents.id));
}
