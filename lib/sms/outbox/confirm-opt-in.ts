import type { Tx } from '@/db/client';
import { readLastAct } from '@/lib/consent/ledger';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import type { NumberRow } from '@/lib/sms/numbers/number';
import { enqueueText } from './text-outbox';

/**
 * Puts the first text of the program into the outbox: it names the program, HELP, STOP, frequency and rates (CTIA Messaging
 * Principles 2023, 5.1.2). Once for each consent, and only where updates can go out: agreed to, and the number proven and not in
 * doubt, or a later proof sends it. The caller knows that they are wanted.
 */
export async function confirmOptIn(
  tx: Tx,
  { userId, number, now }: { userId: string; number: NumberRow; now: Date },
): Promise<void> {
  if (number.holderUserId !== userId || readDoubt(number) !== null) return;
  const phone = number.number;
  const consent = await readLastAct(tx, { userId, phone, scope: 'updates' });
  if (consent?.action !== 'granted' || !consent.isToOperator) return;
  await enqueueText(tx, {
    userId,
    phone,
    purpose: 'update',
    template: 'optInConfirmation',
    params: {},
    dedupeKey: `opt-in:${consent.id}`,
    sendAfter: now,
    now,
  });
}
