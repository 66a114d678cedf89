import type { Db } from '@/db/client';
import { listReceipts, type Receipt } from '@/lib/consent/receipts';
import { readStarts, type StartWay } from '@/lib/sms/numbers/read-starts';
import { listTextsAt, type SentText } from '@/lib/sms/outbox/history';
import { readPhoneChange } from '@/lib/sms/verification/change-phone';
import { readPhoneAndTexts, type PhoneAndTexts, type PhoneOwner } from './phone-and-texts';
import { pickQuietHours, type QuietHours } from './save-quiet-hours';

/** How far back the last test text is looked for. */
const recentTexts = 20;

/** All that the page of text preferences shows of a person. */
export type PreferencesPage = Pick<PhoneAndTexts, 'phone' | 'texts'> & {
  /** The number that waits for its code to take the place of theirs; null: none does. */
  change: { phone: string; open: boolean } | null;
  hours: QuietHours;
  hoursVersion: number;
  /** Their newest texts, newest first. */
  recent: readonly SentText[];
  lastTest: SentText | null;
  /** What they last agreed to or withdrew at their number. */
  agreement: Receipt | null;
  /** The STARTs that take back what was stopped. */
  starts: readonly StartWay[];
};

/** Reads it: six statements, one more after a STOP, at most three of them one after the other, and each row once. */
export async function readPreferencesPage(db: Db, user: PhoneOwner, now: Date): Promise<PreferencesPage> {
  const { userId, phone } = user;
  const [{ phone: phoneState, texts, preferences, recent, starts }, change, receipts] = await Promise.all([
    readWithTexts(db, user),
    readPhoneChange(db, user, now),
    phone === null ? [] : listReceipts(db, userId, { limit: 1, phone }),
  ]);
  return {
    phone: phoneState,
    texts,
    change,
    hours: pickQuietHours(preferences),
    hoursVersion: preferences.quietHoursVersion,
    recent,
    lastTest: recent.find((text) => text.purpose === 'test') ?? null,
    agreement: receipts[0] ?? null,
    starts,
  };
}

async function readWithTexts(
  db: Db,
  user: PhoneOwner,
): Promise<PhoneAndTexts & Pick<PreferencesPage, 'recent' | 'starts'>> {
  const read = await readPhoneAndTexts(db, user);
  const { number } = read;
  const [recent, starts] = await Promise.all([
    listTextsAt(db, { userId: user.userId, number }, { limit: recentTexts }),
    readStarts(db, number),
  ]);
  return { ...read, recent, starts };
}
