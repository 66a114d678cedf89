import type { Tx } from '@/db/client';
import { env } from '@/lib/env';
import { readNumber } from '@/lib/sms/numbers/number';
import { enqueueText } from '@/lib/sms/outbox/outbox';
import { readPreferences, wantsTemplate } from './preferences';

/**
 * Tells a person by text what happened to their account, where they want such texts and have proven their number; the send
 * policy asks everything again. `event` is a few words that follow the name of the site and "security:".
 */
export async function noticeSecurity(
  tx: Tx,
  { userId, phone, event, now }: { userId: string; phone: string | null; event: string; now: Date },
): Promise<void> {
  if (phone === null || (await readNumber(tx, phone))?.holderUserId !== userId) return;
  if (!wantsTemplate(await readPreferences(tx, userId), 'securityNotice')) return;
  await enqueueText(tx, {
    userId,
    phone,
    purpose: 'update',
    template: 'securityNotice',
    params: { event, url: new URL('/users/security', env().appUrl).href },
    sendAfter: now,
    now,
  });
}
