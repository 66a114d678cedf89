import { sql } from 'drizzle-orm';
import { smsVerifications, type SendClass, type VerificationPurpose } from '@/db/schema/sms';
import type { Tx } from '@/db/client';
import { networkOf } from '@/lib/client-address';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { markNetwork, nowhere } from '@/lib/sms/capacity/asked-from';
import {
  endChallenge,
  isOpen,
  isSentAgain,
  markChallengeSent,
  openChallenge,
  lastChallengeFirst,
  readLastChallenge,
  readNextSend,
  type Challenge,
} from './challenge';
import { expireChallengeOf } from './expiry';
import { findPlace } from '@/lib/sms/capacity/send-order';
import {
  findSendClass,
  readFailures,
  readSends,
  readUndeliverable,
  takeSend,
  type NumberRow,
} from '@/lib/sms/numbers/number';
import { noteHit } from '@/lib/sms/pumping/pumping-hits';
import {
  findCatching,
  ordersThatHold,
  readOrders,
  scopesOfRequest,
  type StandingOrder,
} from '@/lib/sms/pumping/orders';
import { isCodeInLine } from '@/lib/sms/outbox/due-texts';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';
import { senderOfCodes } from '@/lib/sms/senders/sender';
import { isUsedUpByOthers, nameStranger, readNetworkMoment, type Stranger } from '@/lib/sms/numbers/subjects';
import { logVerification } from './verification-log';

/** Why no code goes out now. `retryAt` is the moment the next is allowed; null: not by waiting. */
export type SendRefusal = {
  reason:
    | 'stopped'
    | 'undeliverable'
    | 'number_locked'
    | 'too_soon'
    | 'send_limit'
    | 'network_asked'
    /** Too many codes to numbers like this one, or from this network, were not entered lately (docs/pumping.md). */
    | 'range_closed'
    | 'network_closed'
    /** So many codes wait to be sent that this one would come too late. */
    | 'crowded';
  retryAt: Date | null;
  /** Others than this account have a part in it that the number's limit is used up. */
  byOthers?: boolean;
};

/**
 * Asks for a code by text, in the caller's transaction and under the number's lock: counts the send, opens or keeps the
 * challenge, and writes the text into the outbox. Nothing is sent here.
 *
 * The same code goes out again while at least three minutes and one try of it remain, in the class it was opened in;
 * otherwise a new challenge replaces the old one. Where the text that brings it still waits in the line, nothing is written nor
 * counted: it is on its way. Refusals are logged and cost nothing: an open challenge stays as it is.
 *
 * `network` is where the request came from, by default the one of the request's address; null where nobody asked from a
 * network of theirs (a START brings the codes back that a STOP held).
 */
export async function requestCode(
  tx: Tx,
  {
    userId,
    purpose,
    number,
    network,
  }: { userId: string; purpose: VerificationPurpose; number: NumberRow; network?: string | null },
  context: RequestContext,
): Promise<{ ok: true; challenge: Challenge } | ({ ok: false } & SendRefusal)> {
  const { now } = context;
  const phone = number.number;
  const from = network === undefined ? networkOf(context.address) : network;
  const { last, orders } = await readLastWithOrders(tx, { userId, phone, network: from }, now);
  const { current, kept, sendClass } = judgeChallenge({ last, userId, phone, purpose, number }, now);
  const stranger = sendClass === 'prove' ? nameStranger(phone, userId, from) : null;

  const { appUrl, authSecrets } = env();
  const askedFrom = from === null ? nowhere : markNetwork(authSecrets[0], from);

  const refuse = async (refusal: SendRefusal) => {
    await logVerification(
      tx,
      'send_refused',
      {
        userId,
        phone,
        challengeId: current?.id ?? null,
        reason: refusal.reason,
        network: askedFrom.network,
        details: { retry_at: refusal.retryAt?.toISOString() ?? null, by_others: refusal.byOthers ?? false },
      },
      context,
    );
    return { ok: false as const, ...refusal };
  };

  const refusal = findCodeRefusal({ number, current, sendClass, stranger }, now);
  if (refusal) return refuse(refusal);
  if (kept !== null && (await isCodeInLine(tx, kept.id, now))) {
    await markChallengeSent(tx, kept.id, now);
    return { ok: true, challenge: kept };
  }
  const caught = findOrderRefusal(orders, { sendClass, kept });
  if (caught !== null) {
    await noteHit(tx, { orderId: caught.orderId, userId }, now);
    if (caught.refusal !== null) return refuse(caught.refusal);
  }
  const { retryAt: crowdedUntil, ...turns } = await findPlace(tx, {
    sendClass,
    phone,
    askedFrom,
    ...senderOfCodes(env()),
    now,
  });
  if (crowdedUntil !== null) return refuse({ reason: 'crowded', retryAt: crowdedUntil });
  const send = await takeSend(tx, number, sendClass, now, stranger);
  if (!send.ok) return refuse({ reason: 'send_limit', retryAt: send.retryAt });

  let challenge: Challenge;
  if (kept) {
    challenge = kept;
    await markChallengeSent(tx, challenge.id, now);
  } else {
    if (last !== null) {
      await expireChallengeOf(tx, userId, now);
      await endChallenge(tx, userId, 'replaced', now);
    }
    challenge = await openChallenge(tx, { userId, phone, purpose, sendClass, now });
  }
  await enqueueText(tx, {
    userId,
    phone,
    purpose: 'verification',
    template: 'verification',
    params: { host: appUrl.hostname },
    challengeId: challenge.id,
    countedAt: send.countedAt,
    sendClass,
    ...askedFrom,
    ...turns,
    sendAfter: now,
    expiresAt: challenge.expiresAt,
    now,
  });
  await logVerification(
    tx,
    'send_requested',
    { userId, phone, challengeId: challenge.id, network: askedFrom.network },
    context,
  );
  return { ok: true, challenge };
}

/**
 * What is known before a code is asked for, in one statement: the person's newest challenge, and what the pumping guard or an admin
 * has ordered about the number, its prefix and the network.
 */
async function readLastWithOrders(
  tx: Tx,
  { userId, phone, network }: { userId: string; phone: string; network: string | null },
  now: Date,
): Promise<{ last: Challenge | null; orders: StandingOrder[] }> {
  if (env().pumpingGuard === 'off') return { last: await readLastChallenge(tx, userId, now), orders: [] };
  const [row] = await tx
    .select({
      last: smsVerifications,
      orders: ordersThatHold(scopesOfRequest(phone, network), now),
    })
    .from(sql`(select) as request`)
    .leftJoin(
      smsVerifications,
      sql`${smsVerifications.id} = (
        select id from sms_verifications where user_id = ${userId} order by ${lastChallengeFirst(now)} limit 1)`,
    );
  return { last: row!.last, orders: readOrders(row!.orders) };
}

/**
 * Which of the orders that hold for a request catches it, and how it is refused (`refusal` null: it is only written down); null: none
 * does. Only what strangers ask for is caught, and who was texted before is no new number: the same code may go out again. What an
 * admin ordered always holds; what the guard did, only where it is not just to be recorded.
 */
export function findOrderRefusal(
  orders: readonly StandingOrder[],
  { sendClass, kept }: { sendClass: SendClass; kept: Challenge | null },
): { orderId: string; refusal: SendRefusal | null } | null {
  const catching = sendClass === 'prove' && kept === null ? findCatching(orders) : null;
  if (catching === null) return null;
  const { id: orderId, kind, scope, endsAt: retryAt } = catching;
  if (kind === 'closed' && env().pumpingGuard !== 'enforce') return { orderId, refusal: null };
  const reason = scope.startsWith('network:') ? 'network_closed' : 'range_closed';
  return { orderId, refusal: { reason, retryAt } };
}

/** What a request for a code finds: the person's open challenge for this number, whether its code goes out again, and the class. */
export function judgeChallenge(
  {
    last,
    userId,
    phone,
    purpose,
    number,
  }: {
    last: Challenge | null;
    userId: string;
    phone: string;
    purpose: VerificationPurpose;
    number: NumberRow | null;
  },
  now: Date,
): { current: Challenge | null; kept: Challenge | null; sendClass: SendClass } {
  const current = last && last.phone === phone && last.purpose === purpose && isOpen(last, now) ? last : null;
  const kept = current && isSentAgain(current, now) ? current : null;
  return { current, kept, sendClass: kept ? kept.sendClass : findSendClass(number, userId) };
}

/**
 * Why no code goes out to this number now, whatever waits already; null: one may. `number` null: it was never heard of; `stranger`
 * null: the class is not `prove`, or it is not known who asks from where.
 */
export function findCodeRefusal(
  {
    number,
    current,
    sendClass,
    stranger,
  }: { number: NumberRow | null; current: Challenge | null; sendClass: SendClass; stranger: Stranger | null },
  now: Date,
): SendRefusal | null {
  if (isOptedOut(number, 'verification')) return { reason: 'stopped', retryAt: null };
  const undeliverable = readUndeliverable(number, now);
  if (undeliverable) return { reason: 'undeliverable', retryAt: undeliverable.until };
  const byOthers = (act: 'send' | 'failure') =>
    stranger !== null && isUsedUpByOthers(number, { act, ...stranger }, now) ? { byOthers: true } : {};
  const failures = readFailures(number, sendClass, now);
  if (failures.retryAt !== null) {
    return { reason: 'number_locked', retryAt: failures.retryAt, ...byOthers('failure') };
  }
  if (current) {
    const nextAt = readNextSend(current, now);
    if (nextAt !== null) return { reason: 'too_soon', retryAt: nextAt };
  }
  const limitAt = readSends(number, sendClass, now).retryAt;
  const networkAt = stranger && number && readNetworkMoment(number, stranger, now);
  if (networkAt !== null && (limitAt === null || networkAt >= limitAt)) {
    return { reason: 'network_asked', retryAt: networkAt, byOthers: true };
  }
  return limitAt === null ? null : { reason: 'send_limit', retryAt: limitAt, ...byOthers('send') };
}
