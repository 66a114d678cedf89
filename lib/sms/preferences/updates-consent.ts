import type { Tx } from '@/db/client';
import { grantConsent, isStop, judgeConsent, readLastAct } from '@/lib/consent/ledger';
import { readLastOptOut, recordOptOut } from '@/lib/consent/opt-out-ledger';
import type { RequestContext } from '@/lib/context';
import { releaseNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { type SendRefusal, requestCode } from '@/lib/sms/verification/request';
import { confirmOptIn } from '@/lib/sms/outbox/confirm-opt-in';

export async function readAgreement(
  tx: Tx,
  userId: string,
  number: NumberRow,
  { now }: RequestContext,
): Promise<Agreement> {
  const last = await readLastAct(tx, { userId, phone: number.number, scope: 'updates' });
  const consent = judgeConsent(last);
  const exists = consent !== 'none';
  const byStop = last !== null && isStop(last.medium);
  const proven = number.holderUserId === userId ? number.heldSince : null;
  return {
    exists,
    current: consent === 'standing',
    staleStop:
      !exists &&
      byStop &&
      last!.at.getTime() < now.getTime() - staleStopMs &&
      proven !== null &&
      proven <= last!.at,
  };
}

export type Agreement = { exists: boolean; current: boolean; staleStop: boolean };

/** A STOP older than this takes a fresh code besides fresh consent: the number may have gone to someone else since. */
const staleStopMs = 90 * 24 * 3600 * 1000;

/** Someone who turned texts off on a page ticks the box again; what the number itself has said, only the number takes back. */
async function takeBackOptOut(
  tx: Tx,
  { userId, phone }: { userId: string; phone: string },
  now: Date,
): Promise<void> {
  const last = await readLastOptOut(tx, phone);
  if (last?.act !== 'opted_out' || last.userId !== userId) return;
  const covers = ['updates'] as const;
  await recordOptOut(tx, { phone, act: 'lifted', covers, evidence: byPerson, userId, at: now });
}

export const byPerson = { recordedBy: 'person', sender: null, words: null, providerSid: null } as const;

export async function agreeToUpdates(
  tx: Tx,
  userId: string,
  number: NumberRow,
  { staleStop }: Agreement,
  context: RequestContext,
): Promise<{ ok: true; code: 'not_needed' | 'sent' | SendRefusal }> {
  const phone = number.number;
  const scopes = staleStop ? (['updates', 'verification'] as const) : (['updates'] as const);
  await grantConsent(tx, { userId, phone, scopes, medium: 'preferences' }, context);
  await takeBackOptOut(tx, { userId, phone }, context.now);
  if (!staleStop) {
    await confirmOptIn(tx, { userId, number, now: context.now });
    return { ok: true, code: 'not_needed' };
  }
  // Asked for by the holder, who they are until the number is released: no stranger has spent it.
  const request = await requestCode(tx, { userId, purpose: 'prove', number }, context);
  await releaseNumber(tx, phone, userId);
  return { ok: true, code: request.ok ? 'sent' : request };
}
