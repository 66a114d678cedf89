import type { Tx } from '@/db/client';
import { withdrawEverywhere } from '@/lib/consent/ledger';
import { lockNumber, markSuppressed } from './number';
import { cancelTexts } from './outbox';

/**
 * A number's owner wants no more texts, by a word to us (`sms_stop`) or to their carrier (`carrier_stop`, Twilio error
 * 21610): at once, for every account with that number, in the ledger, and for what already waits (47 CFR 64.1200(a)(10)).
 * A handful of statements, however many accounts there are, since all wait for the number's lock meanwhile. An open
 * challenge stays open, so that a code which has arrived already can still be entered.
 *
 * `late`: it is learned of only now. It counts from `saidAt` on, and leaves alone who has agreed after `agreedBefore`.
 *
 * Out: whether the number had not opted out before.
 */
export async function optOut(
  tx: Tx,
  {
    phone,
    by,
    now,
    late = null,
  }: {
    phone: string;
    by: 'sms_stop' | 'carrier_stop';
    now: Date;
    late?: { saidAt: Date; agreedBefore: Date } | null;
  },
): Promise<{ isFirst: boolean }> {
  const { suppressedAt } = await lockNumber(tx, phone);
  const at = late?.saidAt ?? now;
  await markSuppressed(tx, { phone, by, now: at });
  await withdrawEverywhere(tx, { phone, medium: by, at, agreedBefore: late?.agreedBefore ?? null });
  await cancelTexts(tx, { phone }, 'stopped', now);
  return { isFirst: suppressedAt === null };
}
