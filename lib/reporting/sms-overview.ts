import type { MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import type { Keyset } from './keyset';
import type { NumberFilter } from './number-filter';
import { readSmsSpend, type SmsSpend } from './sms-spend';
import { searchTexts, type SeenText } from './sms-texts';
import { listAttempts, type SeenAttempt } from './verification-attempts';

export type SmsOverviewQuery = {
  number: NumberFilter | null;
  status: MessageStatus | null;
  failuresOnly: boolean;
  textsBefore: Keyset | null;
  attemptsBefore: Keyset | null;
};

/** How many days, today included, the spending table has. */
export const spendDays = 14;
const pageSize = 25;

/** Reads all that `/admin/sms` shows: three statements, whatever is looked for and however much there is. */
export async function readSmsOverview(
  db: Db,
  query: SmsOverviewQuery,
  now: Date,
): Promise<{
  spend: SmsSpend;
  texts: { texts: SeenText[]; older: string | null };
  attempts: { attempts: SeenAttempt[]; older: string | null };
}> {
  const { number, status, failuresOnly, textsBefore, attemptsBefore } = query;
  const [spend, texts, attempts] = await Promise.all([
    readSmsSpend(db, { days: spendDays, now }),
    searchTexts(db, { number, status, before: textsBefore, pageSize }),
    listAttempts(db, { number, failuresOnly, before: attemptsBefore, pageSize }),
  ]);
  return { spend, texts, attempts };
}
