import type { VerificationPurpose } from '@/db/schema/sms';
import type { Tx } from '@/db/client';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { limits } from '@/lib/limits';
import {
  endChallenge,
  isOpen,
  markChallengeSent,
  openChallenge,
  readLastChallenge,
  type Challenge,
} from './challenge';
import { expireChallenges } from './expiry';
import { readFailures, readUndeliverable, takeSend, type NumberRow } from './number';
import { enqueueText } from './outbox';
import { logVerification } from './verification-log';

/** Why no code goes out now. `retryAt` is the moment the next is allowed; null: not by waiting. */
export type SendRefusal = {
  reason: 'stopped' | 'undeliverable' | 'number_locked' | 'too_soon' | 'send_limit';
  retryAt: Date | null;
};

/**
 * Asks for a code by text, in the caller's transaction and under the number's lock: counts the send, opens or keeps the
 * challenge, and writes the text into the outbox. Nothing is sent here.
 *
 * The same code goes out again while at least three minutes and one try of it remain; otherwise a new challenge replaces
 * the old one. Refusals are logged and cost nothing: an open challenge stays as it is.
 */
export async function requestCode(
  tx: Tx,
  { userId, purpose, number }: { userId: string; purpose: VerificationPurpose; number: NumberRow },
  context: RequestContext,
): Promise<{ ok: true; challenge: Challenge } | ({ ok: false } & SendRefusal)> {
  const { now } = context;
  const phone = number.number;
  const last = await readLastChallenge(tx, userId);
  const current = last && last.phone === phone && last.purpose === purpose && isOpen(last, now) ? last : null;

  const refuse = async (refusal: SendRefusal) => {
    await logVerification(
      tx,
      'send_refused',
      {
        userId,
        phone,
        challengeId: current?.id ?? null,
        reason: refusal.reason,
        details: { retry_at: refusal.retryAt?.toISOString() ?? null },
      },
      context,
    );
    return { ok: false as const, ...refusal };
  };

  const refusal = findRefusal(number, current, now);
  if (refusal) return refuse(refusal);
  const send = await takeSend(tx, number, 'prove', now);
  if (!send.ok) return refuse({ reason: 'send_limit', retryAt: send.retryAt });

  let challenge: Challenge;
  if (current && current.expiresAt.getTime() - now.getTime() >= limits.sameCodeMinimumSeconds * 1000) {
    challenge = current;
    await markChallengeSent(tx, challenge.id, now);
  } else {
    await expireChallenges(tx, now, userId);
    await endChallenge(tx, userId, 'replaced', now);
    challenge = await openChallenge(tx, { userId, phone, purpose, now });
  }
  await enqueueText(tx, {
    userId,
    phone,
    purpose: 'verification',
    template: 'verification',
    params: { host: env().appUrl.hostname },
    challengeId: challenge.id,
    countedAt: send.countedAt,
    sendAfter: now,
    expiresAt: challenge.expiresAt,
    now,
  });
  await logVerification(tx, 'send_requested', { userId, phone, challengeId: challenge.id }, context);
  return { ok: true, challenge };
}

function findRefusal(number: NumberRow, current: Challenge | null, now: Date): SendRefusal | null {
  if (number.suppressedAt !== null) return { reason: 'stopped', retryAt: null };
  const undeliverable = readUndeliverable(number, now);
  if (undeliverable) return { reason: 'undeliverable', retryAt: undeliverable.until };
  const failures = readFailures(number, now);
  if (failures.retryAt !== null) return { reason: 'number_locked', retryAt: failures.retryAt };
  if (current) {
    const nextAt = new Date(current.lastSentAt.getTime() + limits.secondsBetweenSends * 1000);
    if (nextAt > now) return { reason: 'too_soon', retryAt: nextAt };
  }
  return null;
}
