import type { Db } from '@/db/client';
import type { Env } from '@/lib/env';
import { newId, newNonce } from '@/lib/random';
import { limits } from '@/lib/rate-limits/limits';
import { nowhere } from '@/lib/sms/capacity/asked-from';
import { findPlace } from '@/lib/sms/capacity/send-order';
import { readSenders } from '@/lib/sms/capacity/send-rate';
import { senderOfCodes } from '@/lib/sms/senders/sender';
import { readSends } from '@/lib/sms/numbers/number';
import type { Message } from '@/lib/sms/outbox/text-outbox';
import { readLastChallenge, type Challenge } from '@/lib/sms/verification/challenge';
import { readOrdersAbout, type StandingOrder } from '@/lib/sms/pumping/orders';
import {
  findCodeRefusal,
  findOrderRefusal,
  judgeChallenge,
  type SendRefusal,
} from '@/lib/sms/verification/request';
import { explainFacts, nameLimit, type Gate, type GateName } from './explain-text';
import { readImaginedFacts, type ImaginedText, type PolicyFacts } from './send-policy-facts';

/** What someone may get next: a code that proves their number, an update of each kind that can be turned off, a security notice. */
export type NextKind = 'code' | 'news' | 'reminder' | 'notice';

/** What stands between a person and their next text of a kind, as of now. */
export type NextText = { kind: NextKind; gates: Gate[] };

/** Gates that are no question as long as there is no text. */
const onlyOfTexts: readonly GateName[] = ['due', 'life', 'challenge', 'body', 'number_limit'];

/**
 * Asks everything that would be asked about the next text of each of these kinds, as of now: of a code first whether one may be
 * asked for, as far as that does not depend on the network that asks; then what the dispatcher asks, by the send policy itself.
 * Reads only: nothing is written down, reserved or counted.
 */
export async function explainNext(
  db: Db,
  { userId, phone }: { userId: string; phone: string },
  kinds: readonly NextKind[],
  { env, now }: { env: Env; now: Date },
): Promise<NextText[]> {
  const imagined = kinds.map((kind) => imagineText(kind, { userId, phone }, { env, now }));
  const [facts, last, orders, senders] = await Promise.all([
    readImaginedFacts(db, imagined),
    kinds.includes('code') ? readLastChallenge(db, userId, now) : null,
    kinds.includes('code') ? readOrdersAbout(db, phone, now) : [],
    readSenders(db, env),
  ]);
  return Promise.all(
    facts.map(async (of, index) => {
      const kind = kinds[index]!;
      const code = kind === 'code' ? await askForCode(db, of, { last, orders, userId, env, now }) : null;
      const gates = await explainFacts(db, code?.facts ?? of, { senders, isAskedFor: false, env, now });
      const kept = gates.filter(({ gate }) => !onlyOfTexts.includes(gate));
      return { kind, gates: code === null ? kept : [code.gate, ...kept] };
    }),
  );
}

function imagineText(
  kind: NextKind,
  { userId, phone }: { userId: string; phone: string },
  { env: { appUrl, siteName: site }, now }: { env: Env; now: Date },
): ImaginedText {
  const url = appUrl.href;
  const texts: Record<NextKind, Pick<Message, 'purpose' | 'template' | 'params'>> = {
    code: { purpose: 'verification', template: 'verification', params: { site, host: appUrl.hostname } },
    news: { purpose: 'update', template: 'applicationStatus', params: { site, url } },
    reminder: { purpose: 'update', template: 'documentsReminder', params: { site, url } },
    notice: { purpose: 'notice', template: 'securityNotice', params: { site, url, event: 'New sign-in' } },
  };
  return { id: newId(), userId, phone, createdAt: now, ...texts[kind] };
}

/** Whether a code may be asked for now, and the facts of the text that it would be: its code is made up, and told to nobody. */
async function askForCode(
  db: Db,
  facts: PolicyFacts,
  {
    last,
    orders,
    userId,
    env,
    now,
  }: { last: Challenge | null; orders: readonly StandingOrder[]; userId: string; env: Env; now: Date },
): Promise<{ gate: Gate; facts: PolicyFacts }> {
  const { message, number } = facts;
  const purpose = last?.purpose ?? 'prove';
  const { current, kept, sendClass } = judgeChallenge(
    { last, userId, phone: message.phone, purpose, number },
    now,
  );
  const refusal =
    findCodeRefusal({ number, current, sendClass, stranger: null }, now) ??
    findOrderRefusal(orders, { sendClass, kept })?.refusal ??
    null;
  const place =
    refusal === null
      ? await findPlace(db, {
          ...senderOfCodes(env),
          ...{ sendClass, phone: message.phone, askedFrom: nowhere, now },
        })
      : null;
  const expiresAt = new Date(now.getTime() + limits.codeTtlSeconds * 1000);
  const challenge = {
    ...{ id: newId(), phone: message.phone, purpose, nonce: newNonce(), expiresAt },
    ...{ wrongTries: 0, consumedAt: null, endedAt: null },
  };
  const crowdedUntil = place?.retryAt ?? null;
  const why: SendRefusal | null =
    crowdedUntil === null ? refusal : { reason: 'crowded', retryAt: crowdedUntil };
  const rule = why?.reason === 'number_locked' ? limits.failuresPerNumber : limits.sendsPerNumber;
  const { remaining } = readSends(number, sendClass, now);
  const details = { limit: nameLimit(rule), remaining };
  return {
    facts: { ...facts, challenge, message: { ...message, sendClass, challengeId: challenge.id, expiresAt } },
    gate: {
      ...{ gate: 'request', reason: why?.reason ?? null, details, passesAt: why?.retryAt ?? null },
      answer: why === null ? 'pass' : why.retryAt === null ? 'refuse' : 'hold',
    },
  };
}
