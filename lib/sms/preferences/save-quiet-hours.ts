import type { Db, Tx } from '@/db/client';
import { smsPreferences } from '@/db/schema/sms';
import { unlessHeld, type Busy } from '@/lib/accounts/unless-held';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { takeSettingsHit, type TooManyChanges } from '@/lib/rate-limits/by-account';
import { askPolicyAgain } from '@/lib/sms/outbox/text-outbox';
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
 * once, so that new hours hold for it too. Changes are counted (`settingsPerAccount`); the same hours write nothing and do not
 * count.
 */
export async function saveQuietHours(
  db: Db,
  user: { userId: string },
  wish: QuietHours & { version: number },
  context: RequestContext,
): Promise<
  | { ok: true; version: number }
  | ({ ok: false } & (Busy | TooManyChanges))
  | { ok: false; reason: 'changed_meanwhile'; saved: QuietHours; version: number }
> {
  const { userId } = user;
  const { version, quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } = wish;
  const hours = { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone };
  const same = (saved: Preferences) =>
    JSON.stringify(pickQuietHours(saved)) === JSON.stringify(hours)
      ? { ok: true as const, version: saved.quietHoursVersion }
      : null;
  const unchanged = same(await requirePreferences(db, userId));
  if (unchanged !== null) return unchanged;
  const hit = await takeSettingsHit(db, { userId, kind: 'preferences' }, context.now);
  if (!hit.ok) return { ok: false, reason: 'too_many_changes', retryAt: hit.retryAt };
  let counts = false;
  const save = async (tx: Tx) => {
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
      const current = await requirePreferences(tx, userId);
      return (
        same(current) ?? {
          ok: false as const,
          reason: 'changed_meanwhile' as const,
          saved: pickQuietHours(current),
          version: current.quietHoursVersion,
        }
      );
    }
    counts = true;
    await askPolicyAgain(tx, { userId, now: context.now });
    await recordAudit(tx, { action: 'quiet_hours_changed', userId, details: hours }, context);
    return { ok: true as const, version: saved.version };
  };
  const answer = await unlessHeld(() => db.transaction(save));
  if (!counts) await hit.refund();
  return answer;
}

export function pickQuietHours(preferences: Preferences): QuietHours {
  const { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone } = preferences;
  return { quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone };
}
