import type { Db, Tx } from '@/db/client';
import type { User } from '@/lib/accounts/users';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { readDoubt, type Doubt } from '@/lib/sms/numbers/doubt';
import { readNumber, readUndeliverable, type NumberRow } from '@/lib/sms/numbers/number';
import { readPreferences, wantsTemplate, type Preferences } from '@/lib/sms/preferences/preferences';
import { readUpdatesConsent } from '@/lib/sms/preferences/text-switches';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';

/** The texts about applications. */
export type ApplicationTemplate = 'applicationStatus' | 'documentsNeeded' | 'documentsReminder';

/** Why no text reaches someone. */
export type NoTextReason =
  'no_phone' | 'not_verified' | 'stopped' | 'no_consent' | 'turned_off' | 'undeliverable' | Doubt['reason'];

export type Reach = {
  /** Null: a text may go out, as far as can be told before the send policy is asked. */
  noText: NoTextReason | null;
  byMail: boolean;
  preferences: Preferences | null;
  number: NumberRow | null;
};

/** By which way news reaches an applicant now; the send policy asks again when a text goes out. */
export async function readReach(
  db: Db | Tx,
  user: Pick<User, 'id' | 'phone' | 'emailProvenAt'>,
  template: ApplicationTemplate,
  now: Date,
): Promise<Reach> {
  const { id: userId, phone } = user;
  const byMail = isReachedByMail(user);
  if (phone === null) return { noText: 'no_phone', byMail, preferences: null, number: null };
  const preferences = await readPreferences(db, userId);
  const { consent } = await readUpdatesConsent(db, { userId, phone });
  const number = await readNumber(db, phone);
  const why = (): NoTextReason | null => {
    if (number?.holderUserId !== userId) return 'not_verified';
    if (isOptedOut(number, 'update')) return 'stopped';
    if (consent === 'none') return 'no_consent';
    if (!wantsTemplate(preferences, template)) return 'turned_off';
    if (readUndeliverable(number, now) !== null) return 'undeliverable';
    return readDoubt(number)?.reason ?? null;
  };
  return { noText: why(), byMail, preferences, number };
}
