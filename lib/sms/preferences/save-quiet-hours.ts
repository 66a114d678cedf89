import type { Db } from '@/db/client';
import { smsPreferences } from '@/db/schema/sms';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { askPolicyAgain } from '@/lib/sms/outbox/outbox';
import { requirePreferences, type Preferences } from './preferences';
import { sql, and, eq } from 'drizzle-orm';

export type QuietHours = {
  quietHoursEnabled: boolean;
  /** HH:MM */
  quietHoursStart: string;
  quietHoursEnd: string;
  /** IANA; null: taken from the number. */
  timeZone: string | null;
};

/**
 * Saves the quiet hours, if nobody saved others since `version`. What waits for the end of the old ones is asked again at
 * once, so that new hours hold for it too.
 */
export async function saveQuietHours(
  db: Db,
  user: { userId: string },
  wish: QuietHours & { version: number },
  context: RequestContext,
): Promise<
  | { ok: true; version: number }
  | { ok: false; reason: 'changed_meanwhile'; saved: QuietHours; version: number }
> {
  const { userId } = user;
  const { version, quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } = wish;
  const hours = { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone };
  return db.transaction(async (tx) => {
    const [saved] = await tx
      .update(smsPreferences)
      .set({
        ...hours,
        quietHoursVersion: sql`${smsPreferences.quietHoursVersion} + 1`,
        updatedAt: context.now,
      })
      .where(and(eq(smsPreferences.userId, userId), eq(smsPreferences.quietHoursVersion, version)))
      .returning({ version: smsPreferences.quietHoursVersion });
    if (!saved) {
      const stands = await requirePreferences(tx, userId);
      const now = pickQuietHours(stands);
      if (JSON.stringify(now) === JSON.stringify(hours)) {
        return { ok: true as const, version: stands.quietHoursVersion };
      }
      return {
        ok: false as const,
        reason: 'changed_meanwhile' as const,
        saved: now,
        version: stands.quietHoursVersion,
      };
    }
    await askPolicyAgain(tx, { userId, now: context.now });
    await recordAudit(tx, { action: 'quiet_hours_changed', userId, details: hours }, context);
    return { ok: true as const, version: saved.version };
  });
}

export function pickQuietHours(preferences: Preferences): QuietHours {
  const { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } = preferences;
  return { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone };
}
