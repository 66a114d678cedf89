import type { Tx } from '@/db/client';
import { readLastAct } from '@/lib/consent/ledger';
import type { NumberRow } from '@/lib/sms/numbers/number';
import { enqueueText } from './text-outbox';

/**
 * Puts the first text of the program into the outbox: it names the program, HELP, STOP, frequency and rates (CTIA Messaging
 * Principles 2023, 5.1.2). Once for each consent, and only where updates can go out: agreed to, and the number proven. The
 * caller knows that they are wanted.
 */
export async function confirmOptIn(
  tx: Tx,
  { userId, number, now }: { userId: string; number: Pick<NumberRow, 'number' | 'holderUserId'>; now: Date },
): Promise<void> {
  if (number.holderUserId !== userId) return;
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
