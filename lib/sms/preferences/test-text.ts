import type { Db } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { limitKeys, takeHits } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { candidateZones } from '@/lib/phone/zones';
import { lockNumber, readNumber, readUndeliverable } from '@/lib/sms/numbers/number';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { readPreferences } from './preferences';
import { readTextsState } from './text-switches';
import { nextAllowedInstant } from './quiet-hours';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';

export type TestTextRefusal =
  | { reason: 'no_phone' | 'not_verified' | 'stopped' | 'turned_off' }
  | { reason: 'undeliverable' | 'send_limit'; retryAt: Date };

/**
 * Puts a test text into the outbox, where the send policy and the budget are asked again at the moment of sending. Needs
 * what an update needs: a proven number, texts turned on, no STOP. At most 3 an hour and 5 a day for each number.
 *
 * Out: the moment it goes, which is later than now within quiet hours.
 */
export async function sendTestText(
  db: Db,
  user: { userId: string; phone: string | null },
  context: RequestContext,
): Promise<{ ok: true; at: Date } | ({ ok: false } & TestTextRefusal)> {
  const { userId, phone } = user;
  const { now } = context;
  if (phone === null) return { ok: false, reason: 'no_phone' };
  // Nobody who merely names the number spends its holder's.
  if ((await readNumber(db, phone))?.holderUserId !== userId) return { ok: false, reason: 'not_verified' };
  const hits = await takeHits(db, [{ keys: limitKeys('test_text', [phone]), rules: limits.testTexts }], now);
  if (!hits.ok) return { ok: false, reason: 'send_limit', retryAt: hits.retryAt };
  const zones = await candidateZones(phone);
  const sent = await db.transaction(async (tx) => {
    const number = await lockNumber(tx, phone);
    if (isOptedOut(number, 'test')) return { ok: false as const, reason: 'stopped' as const };
    if (number.holderUserId !== userId) return { ok: false as const, reason: 'not_verified' as const };
    const state = await readTextsState(tx, user);
    if (!state.switches.enabled || state.consent === 'none') {
      return { ok: false as const, reason: 'turned_off' as const };
    }
    const undeliverable = readUndeliverable(number, now);
    if (undeliverable) {
      return { ok: false as const, reason: 'undeliverable' as const, retryAt: undeliverable.until };
    }
    const preferences = await readPreferences(tx, userId);
    await enqueueText(tx, {
      userId,
      phone,
      purpose: 'test',
      template: 'test',
      params: {},
      sendAfter: now,
      now,
    });
    if (!preferences?.quietHoursEnabled) return { ok: true as const, at: now };
    const { at } = nextAllowedInstant({
      now,
      window: { start: preferences.quietHoursStart, end: preferences.quietHoursEnd },
      zones: preferences.timeZone ? [preferences.timeZone] : zones,
    });
    return { ok: true as const, at };
  });
  if (!sent.ok) await hits.refund();
  return sent;
}
