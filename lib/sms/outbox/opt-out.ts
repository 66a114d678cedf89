import type { Tx } from '@/db/client';
import { withdrawEverywhere } from '@/lib/consent/ledger';
import { recordOptOut, type OptOutEvidence } from '@/lib/consent/opt-outs';
import { lockNumber, markSuppressed } from '@/lib/sms/numbers/number';
import { cancelTexts } from './outbox';

/** The text in which something was said, or which was refused: to which of our senders, in which words, with which SID. */
export type Said = Omit<OptOutEvidence, 'recordedBy'>;

const unsaid: Said = { sender: null, words: null, providerSid: null };

/**
 * A number's owner wants no more texts, by a word to us (`sms_stop`) or to their carrier (`carrier_stop`, Twilio error
 * 21610): at once, for every account with that number, in both ledgers, and for what already waits (47 CFR 64.1200(a)(10)).
 * A handful of statements, however many accounts there are, since all wait for the number's lock meanwhile. An open
 * challenge stays open, so that a code which has arrived already can still be entered.
 *
 * `said`: the evidence for it, as far as there is any. `late`: it is learned of only now. It counts from `saidAt` on, and leaves alone who has agreed after `agreedBefore`.
 *
 * Out: whether the number had not opted out before.
 */
export async function optOut(
  tx: Tx,
  {
    phone,
    by,
    now,
    said = unsaid,
    late = null,
  }: {
    phone: string;
    by: 'sms_stop' | 'carrier_stop';
    now: Date;
    said?: Said;
    late?: { saidAt: Date; agreedBefore: Date } | null;
  },
): Promise<{ isFirst: boolean }> {
  const { suppressedAt } = await lockNumber(tx, phone);
  const at = late?.saidAt ?? now;
  await markSuppressed(tx, { phone, by, now: at });
  await withdrawEverywhere(tx, { phone, medium: by, at, agreedBefore: late?.agreedBefore ?? null });
  await cancelTexts(tx, { phone }, 'stopped', now);
  if (by === 'sms_stop') {
    await recordText(tx, { phone, act: 'opted_out', said, saidAt: late?.saidAt ?? null, now });
  } else {
    const evidence = { recordedBy: 'status_report', ...said } as const;
    await recordOptOut(tx, { phone, act: 'opted_out', covers: everything, evidence, at });
  }
  return { isFirst: suppressedAt === null };
}

const everything = ['verification', 'updates'] as const;

/** Records that a number has texted STOP or START; `saidAt` not null: it was found late. */
export async function recordText(
  tx: Tx,
  {
    phone,
    act,
    said,
    saidAt,
    now,
  }: { phone: string; act: 'opted_out' | 'lifted'; said: Said; saidAt: Date | null; now: Date },
): Promise<void> {
  const recordedBy = saidAt === null ? 'inbound_webhook' : 'inbound_list';
  const when = saidAt === null ? { at: now } : { at: saidAt, recordedAt: now };
  await recordOptOut(tx, { phone, act, covers: everything, evidence: { recordedBy, ...said }, ...when });
}
