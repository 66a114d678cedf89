import type { Tx } from '@/db/client';
import { env } from '@/lib/env';
import { enqueueText } from './text-outbox';

/**
 * Tells a number that it is no longer on its account, so that nobody loses it unnoticed (NIST SP 800-63B-4 §4.6). It is
 * worthless a day later, and the last text there: the send policy lets it pass on the consent that ended just now.
 */
export async function noticeRemoval(
  tx: Tx,
  { userId, phone, replaced, now }: { userId: string; phone: string; replaced: boolean; now: Date },
): Promise<void> {
  const url = new URL('/users/login', env().appUrl).href;
  await enqueueText(tx, {
    userId,
    phone,
    purpose: 'notice',
    ...(replaced
      ? { template: 'phoneChanged' as const, params: { url } }
      : {
          template: 'securityNotice' as const,
          params: { event: 'this number was taken off your account', url },
        }),
    sendAfter: now,
    expiresAt: new Date(now.getTime() + 24 * 3600 * 1000),
    now,
  });
}
