import type { Db, Tx } from '@/db/client';
import { readStopNumbers } from '@/lib/consent/opt-out-ledger';
import { env } from '@/lib/env';
import { startPhone } from '@/lib/sms/senders/sender';
import type { NumberRow } from './number';
import { listStarts, type Start } from './opted-out';

/** A START with the number that it has to be texted to; null: that is not known. */
export type StartWay = Pick<Start, 'lifts'> & { phone: string | null };

/** Reads which STARTs a number needs until it takes every text again: one statement after a STOP, none without one. */
export async function readStarts(db: Db | Tx, number: NumberRow | null): Promise<StartWay[]> {
  const starts = number === null ? [] : listStarts(number);
  if (number === null || starts.length === 0) return [];
  const stopNumbers = await readStopNumbers(db, number.number);
  return starts.map(({ to: role, lifts }) => ({
    lifts,
    phone: startPhone(env(), { role, stopSender: stopNumbers.get(role) ?? null }),
  }));
}
