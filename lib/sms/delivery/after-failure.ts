import type { Db, Tx } from '@/db/client';
import type { SenderRole } from '@/db/schema/consent';
import { hasLiftedSince, isOptOutOf } from '@/lib/consent/opt-out-ledger';
import { env } from '@/lib/env';
import { senderNamed } from '@/lib/sms/senders/sender';
import { slowSender, stopSender } from '@/lib/sms/capacity/send-rate';
import { isDead, type Remedy } from './error-codes';
import { countDeadText } from '@/lib/sms/numbers/doubt';
import { everySender, markUndeliverable } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { sql } from 'drizzle-orm';
import { type Message, enqueueText, retryKey } from '@/lib/sms/outbox/text-outbox';
import { readStoredText } from '@/lib/sms/outbox/text-templates';

/**
 * What an error says about the number itself: kept with it, in the transaction that records the failure. An opt-out that the
 * person has lifted since the text was called for is over. In: the text's number, who it was for and what it is, our sender, its SID (null: it was not
 * accepted), when it was called for, and when it failed.
 */
export async function applyEffect(
  tx: Tx,
  remedy: Remedy,
  {
    text,
    sender,
    sid,
    calledAt,
    failedAt,
    now,
  }: {
    text: Pick<Message, 'phone' | 'userId' | 'purpose' | 'sendClass'>;
    sender: string | null;
    sid: string | null;
    calledAt: Date;
    failedAt: Date;
    now: Date;
  },
): Promise<void> {
  const { phone, userId, purpose, sendClass } = text;
  if (isDead(remedy)) await countDeadText(tx, { phone, userId, purpose, sendClass, at: failedAt });
  if (remedy.kind !== 'final') return;
  const saidTo = senderNamed(env(), sender);
  if (remedy.effect === 'opt_out' && !(await isOptOutOver(tx, { phone, saidTo, sid, calledAt }))) {
    const said = { sender, words: null, providerSid: sid };
    await optOut(tx, { phone, by: 'carrier_stop', saidTo, now, said });
  }
  if (remedy.effect === 'undeliverable') await markUndeliverable(tx, { phone, at: failedAt });
}

/**
 * Whether it is in the ledger by this very text, or the person has lifted it since: that of the sender which the carrier blocks
 * (`saidTo`; null: it is none of today's, and all have to be free). The number is locked.
 */
async function isOptOutOver(
  tx: Tx,
  {
    phone,
    saidTo,
    sid,
    calledAt,
  }: { phone: string; saidTo: SenderRole | null; sid: string | null; calledAt: Date },
): Promise<boolean> {
  if (sid !== null && (await isOptOutOf(tx, phone, sid))) return true;
  const senders = saidTo === null ? everySender : [saidTo];
  return hasLiftedSince(tx, { phone, senders, since: calledAt });
}

/** Lets a sender rest as an error asks for (`senderRestUntil`); null: it does not. */
export async function restSender(
  db: Db | Tx,
  remedy: Remedy,
  { sender, until }: { sender: string; until: Date | null },
): Promise<void> {
  if (until === null) return;
  if (remedy.kind === 'slow_down') await slowSender(db, { sender, until });
  if (remedy.kind === 'stop_sender') await stopSender(db, { sender, until, reason: remedy.reason });
}

/**
 * Puts a repetition of an accepted text into the outbox, at most one, unless it would come too late or its row cannot be read.
 */
export async function enqueueRetry(
  tx: Tx,
  messageId: string,
  { sendAfter, now }: { sendAfter: Date; now: Date },
): Promise<void> {
  const { rows } = await tx.execute<{
    user_id: string | null;
    phone: string;
    purpose: Message['purpose'];
    template: string;
    params: unknown;
    challenge_id: string | null;
    send_class: Message['sendClass'];
    network: string | null;
    wide_network: string | null;
    wide_turns: number | null;
    prefix_turns: number | null;
    expires_at: string | null;
    retries: number;
    request_id: string | null;
    source: string | null;
  }>(sql`select user_id, phone, purpose, template, params, challenge_id, send_class, network, wide_network, wide_turns,
      prefix_turns, expires_at, retries, request_id, source
    from sms_messages where id = ${messageId}`);
  const row = rows[0]!;
  const expiresAt = row.expires_at === null ? null : new Date(row.expires_at);
  if (expiresAt !== null && expiresAt <= sendAfter) return;
  const text = readStoredText(row.template, row.params);
  if (text === null) return;
  await enqueueText(tx, {
    userId: row.user_id,
    phone: row.phone,
    purpose: row.purpose,
    ...text,
    challengeId: row.challenge_id,
    sendClass: row.send_class,
    network: row.network,
    wideNetwork: row.wide_network,
    wideTurns: row.wide_turns,
    prefixTurns: row.prefix_turns,
    source: row.source,
    dedupeKey: retryKey(messageId),
    sendAfter,
    expiresAt,
    retryOf: messageId,
    retries: row.retries + 1,
    requestId: row.request_id,
    now,
  });
}

/** What to tell an operator about a failure after acceptance, if anything. */
export function alertOf(remedy: Remedy): string | null {
  return remedy.kind === 'stop_sender' || (remedy.kind === 'final' && remedy.alert) ? remedy.reason : null;
}
