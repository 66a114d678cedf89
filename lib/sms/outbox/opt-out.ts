import type { Db, Tx } from '@/db/client';
import type { SenderRole } from '@/db/schema/consent';
import { finishStop, unfinishedNumbers, withdrawEverywhere } from '@/lib/consent/ledger';
import { recordOptOut, recordTextedOptOut, type Said, type ToldChannel } from '@/lib/consent/opt-out-ledger';
import { env } from '@/lib/env';
import { senderOf } from '@/lib/sms/senders/sender';
import { lockFreeNumber, lockNumber, markSuppressed, suppressedSenders } from '@/lib/sms/numbers/number';
import { coverOfStop, type StopCover } from '@/lib/sms/senders/stop-cover';
import { cancelTexts } from './text-outbox';

const unsaid: Said = { sender: null, words: null, providerSid: null };

/**
 * A number's owner wants no more texts, by a word to us (`sms_stop`) or to their carrier (`carrier_stop`, Twilio error
 * 21610), or by a call or letter to one of the operator's people (`told`): at once, for every account with that number, in both
 * ledgers, and for what already waits (47 CFR 64.1200(a)(10)). A handful of statements that take a bounded time, however many
 * accounts there are: nobody can make a STOP fail by naming the number. The rows that it leaves out of the ledger of consents count
 * as written, until `finishStops` has written them. An open challenge stays open, so that a code which has arrived already can
 * still be entered.
 *
 * What it covers follows from which of our senders it was said to (`saidTo`; null: to none), and whether it asks for all texts to end
 * (`coverOfStop`).
 *
 * `said`: the evidence for it, as far as there is any. `late`: it is learned of only now. It counts from `saidAt` on, and leaves
 * alone who has agreed after `agreedBefore`.
 *
 * Out: whether the number had not opted out of all that before, what it covers, and, of what was told, whether the ledger has it now
 * and had not within the day before.
 */
export async function optOut(
  tx: Tx,
  {
    phone,
    by,
    now,
    saidTo = null,
    isForAll = false,
    said = unsaid,
    late = null,
  }: {
    phone: string;
    by: 'sms_stop' | 'carrier_stop' | { told: ToldChannel };
    now: Date;
    saidTo?: SenderRole | null;
    isForAll?: boolean;
    said?: Said;
    late?: { saidAt: Date; agreedBefore: Date } | null;
  },
): Promise<{ isFirst: boolean; cover: StopCover; isNew: boolean }> {
  const number = await lockNumber(tx, phone);
  const { holderUserId } = number;
  const at = late?.saidAt ?? now;
  const medium = typeof by === 'string' ? by : 'recorded_stop';
  const cover = coverOfStop({ saidTo, isForAll, at }, env());
  const { senders, scopes } = cover;
  await markSuppressed(tx, { phone, by: medium, now: at, senders, saidTo });
  const agreedBefore = late?.agreedBefore ?? null;
  await withdrawEverywhere(tx, { phone, holderUserId, medium, scopes, at, agreedBefore });
  await cancelTexts(tx, { phone, isCode: endsCodes(cover) ? undefined : false }, 'stopped', now);
  let isNew = true;
  if (by === 'sms_stop') {
    const saidAt = late?.saidAt ?? null;
    await recordTextedOptOut(tx, { phone, act: 'opted_out', ...cover, saidTo, said, saidAt, now });
  } else {
    const evidence =
      typeof by === 'string'
        ? ({ recordedBy: 'status_report', ...said } as const)
        : ({ recordedBy: 'staff', channel: by.told, ...said } as const);
    isNew = await recordOptOut(tx, {
      phone,
      act: 'opted_out',
      covers: scopes,
      senders,
      saidTo,
      evidence,
      at,
    });
  }
  const before = suppressedSenders(number);
  return { isFirst: !senders.every((sender) => before.includes(sender)), cover, isNew };
}

/** Whether a STOP ends codes as well as all else: its senders send them, or nobody consents to them any more. */
function endsCodes({ senders, scopes }: StopCover): boolean {
  return senders.includes(senderOf(env(), 'verification')) || scopes.includes('verification');
}

/**
 * Appends the withdrawals of `limit` accounts at most that a STOP has left out, in one transaction; a number that others hold is
 * left to the next time. Out: `limit` while there may be more; 0: none were left.
 */
export async function finishStops(db: Db, _now: Date, limit: number): Promise<number> {
  return db.transaction(async (tx) => {
    const phone = await lockFreeNumber(tx, unfinishedNumbers);
    if (phone === null) return 0;
    await finishStop(tx, phone, limit);
    return limit;
  });
}
