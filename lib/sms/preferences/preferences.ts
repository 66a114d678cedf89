import { eq } from 'drizzle-orm';
import { smsPreferences } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { categoryOf, type TextCategory } from './categories';
import { defaultQuietWindow, isTimeOfDay } from './quiet-hours';
import { canonicalZone } from '@/lib/time-zones';

export type Preferences = typeof smsPreferences.$inferSelect;

/** What the switches say: the one for all texts, and one for each kind. */
export type TextSwitches = { enabled: boolean } & Record<TextCategory, boolean>;

/**
 * A new account's preferences: texts only if asked for; quiet hours on, from `defaultQuietWindow`. `timeZone` is what the
 * browser says; a name that is no zone we can reckon in counts as none.
 */
export async function createPreferences(
  tx: Tx | Db,
  {
    userId,
    enabled,
    timeZone,
    now,
  }: { userId: string; enabled: boolean; timeZone: string | null; now: Date },
): Promise<void> {
  const { start: quietHoursStart, end: quietHoursEnd } = defaultQuietWindow;
  const zone = canonicalZone(timeZone);
  await tx
    .insert(smsPreferences)
    .values({ userId, enabled, quietHoursStart, quietHoursEnd, timeZone: zone, updatedAt: now });
}

/** A person's preferences, fit to be reckoned with; null: there is no such person. */
export async function readPreferences(db: Db | Tx, userId: string): Promise<Preferences | null> {
  const [row] = await db.select().from(smsPreferences).where(eq(smsPreferences.userId, userId));
  return row ? soundPreferences(row) : null;
}

/**
 * Preferences as they can be reckoned with, whatever an earlier version left in the row: a zone that is none any more is
 * null, and a malformed window is the default one.
 */
export function soundPreferences(row: Preferences): Preferences {
  const { quietHoursStart: start, quietHoursEnd: end } = row;
  const window = isTimeOfDay(start) && isTimeOfDay(end) ? { start, end } : defaultQuietWindow;
  return {
    ...row,
    quietHoursStart: window.start,
    quietHoursEnd: window.end,
    timeZone: canonicalZone(row.timeZone),
  };
}

/** Whether a person wants texts of this template: all of them are on, and so is its kind, if it has one. */
export function wantsTemplate(preferences: TextSwitches | null, template: string): boolean {
  if (!preferences?.enabled) return false;
  const category = categoryOf(template);
  return category === null || preferences[category];
}

/**
 * The same of an account that was there a moment ago. One that was erased since wants nothing, in versions that no page was shown:
 * nothing can be saved to it, and the next request finds nobody signed in.
 */
export async function requirePreferences(db: Db | Tx, userId: string): Promise<Preferences> {
  return (await readPreferences(db, userId)) ?? { userId, ...ofNobody };
}

const ofNobody: Omit<Preferences, 'userId'> = {
  enabled: false,
  applicationStatus: false,
  reminders: false,
  security: false,
  textsVersion: 0,
  quietHoursEnabled: true,
  quietHoursStart: defaultQuietWindow.start,
  quietHoursEnd: defaultQuietWindow.end,
  timeZone: null,
  quietHoursVersion: 0,
  updatedAt: new Date(0),
};

/** Keeps a person's preferences as they are until the transaction ends, where they have any. */
export async function lockPreferences(tx: Tx, userId: string): Promise<void> {
  await tx
    .select({ userId: smsPreferences.userId })
    .from(smsPreferences)
    .where(eq(smsPreferences.userId, userId))
    .for('update');
}
