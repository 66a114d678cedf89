import type { Db } from '@/db/client';
import { findUser, type User } from '@/lib/accounts/users';
import { listOptOutsAt } from '@/lib/consent/opt-out-ledger';
import { listReceipts, type Receipt } from '@/lib/consent/receipts';
import { env } from '@/lib/env';
import { isId } from '@/lib/random';
import { readOwnSpend, type OwnSpend } from '@/lib/sms/capacity/budget';
import { explainNext, type NextText } from '@/lib/sms/dispatch/explain-next';
import { readNumber } from '@/lib/sms/numbers/number';
import { judgePhone, type PhoneStatus } from '@/lib/sms/numbers/phone-state';
import { readAdminTimeZone } from './admin-time-zone';
import { listNumberLimits, type NumberLimit } from './number-limits';
import {
  maskEntry,
  seeNumber,
  seeOptOut,
  type OfNumber,
  type SeenNumber,
  type SeenOptOut,
} from './seen-number';
import { searchTexts, type SeenText } from './sms-texts';
import { listAttempts, type SeenAttempt } from './verification-attempts';

/** All about the texts of one person. */
export type PersonTexts = {
  id: string;
  name: string;
  /** Null: they have no number. */
  number: (PhoneStatus & SeenNumber) | null;
  /** What stands between them and their next text of each kind; empty: they have no number. */
  next: NextText[];
  /** What they may spend by themselves. */
  spend: OwnSpend[];
  /** Of their number; empty: they have none. */
  limits: NumberLimit[];
  texts: SeenText[];
  hasOlderTexts: boolean;
  attempts: SeenAttempt[];
  hasOlderAttempts: boolean;
  receipts: OfNumber<Receipt>[];
  /** Where older receipts begin; null: these are the last. */
  olderReceipts: number | null;
  /** At their number, also what someone said who had it before. */
  optOuts: SeenOptOut[];
  hasOlderOptOuts: boolean;
  /** In which moments are said to the admin. */
  timeZone: string;
};

const newestShown = 10;

/** Each has its whole wording with it. */
const receiptsPerPage = 20;

/** Reads what an admin sees of one person's texts; null: there is no such account. `receiptsBefore`: as `olderReceipts` said. */
export async function readPersonTexts(
  db: Db,
  userId: string,
  { adminId, receiptsBefore, now }: { adminId: string; receiptsBefore: number | null; now: Date },
): Promise<PersonTexts | null> {
  const user = isId(userId) ? await findUser(db, userId) : null;
  if (user === null) return null;
  const { id, name, phone, phoneMovedAt } = user;
  const subject = { kind: 'person' as const, id };
  const everyText = { subject, status: null, template: null, errorCode: null, before: null };
  const everyAttempt = { subject, failuresOnly: false, before: null };
  const kinds = ['code', 'news', 'reminder', 'notice'] as const;
  const [next, spend, number, optOuts, texts, attempts, receipts, timeZone] = await Promise.all([
    phone === null ? [] : explainNext(db, { userId: id, phone }, kinds, { env: env(), now }),
    readSpendOf(db, user, now),
    phone === null ? null : readNumber(db, phone),
    phone === null ? [] : listOptOutsAt(db, phone, newestShown + 1),
    searchTexts(db, everyText, newestShown),
    listAttempts(db, everyAttempt, newestShown),
    listReceipts(db, id, { limit: receiptsPerPage + 1, before: receiptsBefore }),
    readAdminTimeZone(db, adminId),
  ]);
  return {
    ...{ id, name, next, spend },
    number:
      phone === null
        ? null
        : { ...judgePhone({ userId: id, phone, phoneMovedAt }, number), ...seeNumber(phone) },
    limits: phone === null ? [] : listNumberLimits(number, now),
    texts: texts.texts,
    hasOlderTexts: texts.older !== null,
    attempts: attempts.attempts,
    hasOlderAttempts: attempts.older !== null,
    receipts: receipts.slice(0, receiptsPerPage).map(maskEntry),
    olderReceipts: receipts.length > receiptsPerPage ? receipts[receiptsPerPage - 1]!.id : null,
    optOuts: optOuts.slice(0, newestShown).map(seeOptOut),
    hasOlderOptOuts: optOuts.length > newestShown,
    timeZone,
  };
}

function readSpendOf(db: Db, { id, emailKey, emailProvenAt, phone }: User, now: Date): Promise<OwnSpend[]> {
  const { smsDailyBudgetMicros, smsDailyBudgetPerUserMicros, authSecrets: secrets } = env();
  const budget = { perUserMicros: smsDailyBudgetPerUserMicros, totalMicros: smsDailyBudgetMicros };
  const person = { userId: id, emailKey, emailProven: emailProvenAt !== null, phone: phone ?? '' };
  return readOwnSpend(db, person, { budget, secrets, now });
}
