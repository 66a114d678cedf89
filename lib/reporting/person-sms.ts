import { and, desc, eq } from 'drizzle-orm';
import { smsMessages, type MessagePurpose, type MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { findUserByEmail } from '@/lib/accounts/users';
import { readLastOptOut } from '@/lib/consent/opt-out-ledger';
import type { StoppedTexts } from '@/lib/sms/numbers/opted-out';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { waysOf } from '@/lib/sms/outbox/text-stretch';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { readLastVerification } from '@/lib/sms/verification/verification-log';

/** What the texts of one person depend on, with their whole number: for the operator's own terminal, not for a page. */
export type PersonSms = {
  phone: string | null;
  verified: boolean;
  /** The number texted STOP, or its carrier says so. */
  stopped: StoppedTexts | null;
  enabled: boolean;
  /** HH:MM each; `timeZone` null: taken from the number. */
  quietHours: { start: string; end: string; timeZone: string | null } | null;
  lastText: { at: Date; purpose: MessagePurpose; status: MessageStatus; reason: string | null } | null;
  lastAttempt: { at: Date; event: string; reason: string | null } | null;
  /** The last that was said about texts to the number: STOP or START, by the carrier, or on a page. */
  lastOptOut: Omit<NonNullable<Awaited<ReturnType<typeof readLastOptOut>>>, 'userId'> | null;
};

/** Reads it for the account of an email address; null: there is none. */
export async function readPersonSms(db: Db, email: string): Promise<PersonSms | null> {
  const user = await findUserByEmail(db, email);
  if (!user) return null;
  const { id: userId, phone, phoneMovedAt } = user;
  const { state, stopped } = await readPhoneState(db, { userId, phone, phoneMovedAt });
  const preferences = await readPreferences(db, userId);
  const text = await readLastText(db, userId);
  const attempt = await readLastVerification(db, userId);
  return {
    phone,
    verified: state === 'verified',
    stopped,
    enabled: preferences?.enabled ?? false,
    quietHours: preferences?.quietHoursEnabled
      ? {
          start: preferences.quietHoursStart,
          end: preferences.quietHoursEnd,
          timeZone: preferences.timeZone,
        }
      : null,
    lastText: text
      ? { at: text.createdAt, purpose: text.purpose, status: text.status, reason: text.reason }
      : null,
    lastAttempt: attempt
      ? { at: attempt.lastAt ?? attempt.at, event: attempt.event, reason: attempt.reason }
      : null,
    lastOptOut: phone === null ? null : await readLastOptOut(db, phone),
  };
}

/** The last text to a person, or from them: the last of each way is found by its index. */
async function readLastText(db: Db, userId: string): Promise<typeof smsMessages.$inferSelect | undefined> {
  const { createdAt, direction, id } = smsMessages;
  const last = waysOf(null).map((way) =>
    db
      .select()
      .from(smsMessages)
      .where(and(eq(smsMessages.userId, userId), eq(direction, way)))
      .orderBy(desc(createdAt), desc(id))
      .limit(1),
  );
  const [text, other] = (await Promise.all(last)).flat();
  return text && other && other.createdAt > text.createdAt ? other : text;
}
