import type { Db } from '@/db/client';
import type { NumberRow } from '@/lib/sms/numbers/number';
import { judgePhone, type PhoneStatus } from '@/lib/sms/numbers/phone-state';
import { requirePreferences, type Preferences } from './preferences';
import { judgeTexts, readUpdatesConsent, type TextsState } from './text-switches';

export type PhoneOwner = { userId: string; phone: string | null; phoneMovedAt: Date | null };

export type PhoneAndTexts = {
  phone: PhoneStatus;
  texts: TextsState;
  preferences: Preferences;
  /** The row of their number; null: they have none, or it was never heard of. */
  number: NumberRow | null;
};

/** How far a person's number is theirs, and what they get at it: three reads, of which two are one after the other. */
export async function readPhoneAndTexts(db: Db, user: PhoneOwner): Promise<PhoneAndTexts> {
  const [preferences, updates] = await Promise.all([
    requirePreferences(db, user.userId),
    readUpdatesConsent(db, user),
  ]);
  const { number } = updates;
  return { phone: judgePhone(user, number), texts: judgeTexts(preferences, updates), preferences, number };
}
