import type { Tx } from '@/db/client';
import { timestamp } from '@/db/timestamp';
import type { InboundMeaning } from '@/lib/consent/keywords';
import { hasAgreedSince } from '@/lib/consent/ledger';
import type { SenderRole } from '@/db/schema/consent';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { optBackIn, sendersThatStay } from './opt-back-in';
import type { NumberRow } from '@/lib/sms/numbers/number';
import { latestBelieved } from '@/lib/stored-moment';
import { hasOptedOutSince, recordTextedOptOut, type Said } from '@/lib/consent/opt-out-ledger';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { coverOfStart, coverOfStop, scopesOf } from '@/lib/sms/senders/stop-cover';
import { sql } from 'drizzle-orm';

/** Of a text that was not handed over when it came, but found in the provider's list afterwards. */
export type FoundLate = {
  /** By the provider's clock, to the second. */
  sentAt: Date;
  /** The SIDs of what the same number wrote before it, as far as the list goes back, and after it, as far as it goes. */
  earlier: ReadonlySet<string>;
  later: ReadonlySet<string>;
};

/**
 * Our clocks and the provider's may differ by so much, and a text may take so long to reach us: only what we recorded later than
 * that after a text was sent was certainly said after it.
 */
const surelyAfterMs = 60_000;

/**
 * Whether the contrary was said since a text that was found late. What cannot be put in order for certain counts for "no more
 * texts".
 *
 * A START takes back only what was said to the same one of our senders. It is overtaken by a later opt-out of one that it would free,
 * however that was said, and by a later STOP to any of them.
 *
 * Of those who consented since a STOP only the proven holder counts: anyone can write a number into a form. And what counts is consent
 * to what the STOP blocks: a consent to codes takes back no STOP to updates. One that a clock far ahead wrote down takes back none.
 */
export async function isOvertakenBy(
  tx: Tx,
  number: NumberRow,
  {
    meaning,
    saidTo,
    isForAll,
    sentAt,
    ...order
  }: { meaning: InboundMeaning; saidTo: SenderRole | null; isForAll: boolean } & FoundLate,
  now: Date,
): Promise<boolean> {
  const { number: phone, holderUserId, suppressedAt } = number;
  const surelyAfter = new Date(sentAt.getTime() + surelyAfterMs);
  switch (meaning) {
    case 'stop': {
      const { senders } = coverOfStop({ saidTo, isForAll, at: sentAt }, env());
      return (
        (await hasTextedSince(
          tx,
          { phone, meaning: 'start', to: saidTo ?? 'updates' },
          { sentAt, ...order },
        )) ||
        (holderUserId !== null &&
          (await hasAgreedSince(tx, {
            phone,
            userId: holderUserId,
            scopes: scopesOf(senders),
            since: surelyAfter,
            until: latestBelieved(now),
          })))
      );
    }
    case 'start':
      return (
        (suppressedAt !== null && suppressedAt > surelyAfter) ||
        (await hasOptedOutSince(tx, {
          phone,
          senders: coverOfStart(sendersThatStay(number, saidTo)).senders,
          since: surelyAfter,
        })) ||
        (await hasTextedSince(tx, { phone, meaning: 'stop', to: null }, { sentAt, ...order }))
      );
    default:
      return false;
  }
}

/**
 * Whether a number has texted this after another text, to one of our senders (null: to any): by the order of the provider's list,
 * whatever moment was written down for it, else by the moment it reached us.
 */
async function hasTextedSince(
  tx: Tx,
  { phone, meaning, to }: { phone: string; meaning: InboundMeaning; to: SenderRole | null },
  { sentAt, earlier, later }: FoundLate,
): Promise<boolean> {
  const { rows } = await tx.execute<{ sid: string; is_after: boolean }>(sql`
    select provider_sid as sid, created_at > ${timestamp(sentAt)} as is_after from sms_messages
    where phone = ${phone}
      and (created_at >= ${timestamp(sentAt)} - interval '1 hour' or provider_sid = any(${sql.param([...later])}::text[]))
      and direction = 'in' and params->>'meaning' = ${meaning}
      and coalesce(coalesce(params->>'to', 'updates') = ${to}::text, true)`);
  return rows.some(({ sid, is_after: isAfter }) => later.has(sid) || (isAfter && !earlier.has(sid)));
}

export type LateOrder = {
  phone: string;
  meaning: InboundMeaning;
  saidTo: SenderRole | null;
  isForAll: boolean;
  said: Said;
  sentAt: Date;
};

/** Does what a text asks for that was found late and that nothing has overtaken. */
export async function obeyLate(
  tx: Tx,
  { phone, meaning, saidTo, isForAll, said, sentAt }: LateOrder,
  context: RequestContext,
): Promise<void> {
  if (meaning === 'stop') {
    const agreedBefore = new Date(sentAt.getTime() + surelyAfterMs);
    const late = { saidAt: sentAt, agreedBefore };
    await optOut(tx, { phone, by: 'sms_stop', saidTo, isForAll, now: context.now, said, late });
  }
  if (meaning === 'start') await optBackIn(tx, phone, context, { saidTo, said, saidAt: sentAt });
}

/** Records that it was said, and changes nothing. */
export async function recordLate(
  tx: Tx,
  { phone, meaning, saidTo, isForAll, said, sentAt: saidAt }: LateOrder,
  { now }: RequestContext,
): Promise<void> {
  if (meaning !== 'stop' && meaning !== 'start') return;
  const cover = coverOfStop({ saidTo, isForAll, at: saidAt }, env());
  const act = meaning === 'stop' ? 'opted_out' : 'lifted';
  await recordTextedOptOut(tx, { phone, act, ...cover, saidTo, said, saidAt, now });
}
