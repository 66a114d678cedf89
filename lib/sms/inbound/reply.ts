import { limits } from '@/lib/rate-limits/limits';
import { smsMessages } from '@/db/schema/sms';
import type { Tx } from '@/db/client';
import { renderFilled, renderStoredText, type FilledText } from '@/lib/sms/outbox/text-templates';
import { and, eq, gt, inArray, lte, notInArray, type SQL } from 'drizzle-orm';
import { env } from '@/lib/env';
import { readServedPhone } from '@/lib/phone/served';
import { newId } from '@/lib/random';
import { latestBelieved } from '@/lib/stored-moment';
import { changeSpend, shareBudget, sumSpendOf } from '@/lib/sms/capacity/budget';
import { priceOf } from '@/lib/sms/capacity/price';
import { type InboundText } from './read-inbound-text';
import { countSegments } from '@/lib/sms/outbox/segments';

/** What we say to STOP, START or HELP, and to an answer. */
export type Reply = FilledText<StopConfirmation | 'startConfirmation' | 'help' | AboutAnswer>;

type AboutAnswer = 'answerTaken' | 'answerUnclear';

type StopConfirmation = 'stopConfirmation' | 'stopUpdatesConfirmation';

const stopTemplates = ['stopConfirmation', 'stopUpdatesConfirmation'] as const satisfies StopConfirmation[];

function isStopConfirmation(template: Reply['template']): template is StopConfirmation {
  return stopTemplates.some((each) => each === template);
}

/** Said once a day each: people write more than one text. */
const aboutAnswers: ReadonlySet<string> = new Set<AboutAnswer>(['answerTaken', 'answerUnclear']);

/** A reply as it is recorded: the row's id and the words. */
export type SentReply = { id: string; body: string };

/**
 * Anyone can text us, as often as they like, and numbers can be forged. So replies are counted under a scope of their own, too, and
 * take a part of the budget for everyone in any 24 hours; so do confirmations of a STOP, so that no chatter takes theirs. Replies
 * to numbers that nobody has proven take nothing from those to proven ones.
 */
const shares = {
  strangers: { replies: 'strangers_replies', stopConfirmations: 'strangers_stops', of: 20n },
  holders: { replies: 'holders_replies', stopConfirmations: 'holders_stops', of: 10n },
};

/**
 * Never to a number that we would not text by ourselves: one of another country, a satellite phone, a premium or toll-free number or a
 * short code costs other prices than ours, or has a machine behind it.
 *
 * Counted after the number's lock was given, so that texts which come together cannot all be the last one that gets a reply.
 * Confirmations of a STOP and other replies are counted each by themselves. What became of an answer is said once a day.
 */
export async function mayReply(
  tx: Tx,
  { phone, reply }: { phone: string; reply: Reply },
  now: Date,
): Promise<boolean> {
  const served = readServedPhone(phone);
  if (!served.ok || served.value !== phone) return false;
  const isStop = isStopConfirmation(reply.template);
  const [{ limit, windowSeconds }] = isStop ? limits.stopConfirmationsPerNumber : limits.repliesPerNumber;
  const countReplies = (which: SQL | undefined, seconds: number) =>
    tx.$count(
      smsMessages,
      and(
        eq(smsMessages.phone, phone),
        eq(smsMessages.direction, 'out'),
        eq(smsMessages.purpose, 'reply'),
        which,
        gt(smsMessages.createdAt, new Date(now.getTime() - seconds * 1000)),
        lte(smsMessages.createdAt, latestBelieved(now)),
      ),
    );
  const { template } = reply;
  const isSame = eq(smsMessages.template, template);
  if (aboutAnswers.has(template) && (await countReplies(isSame, daySeconds)) > 0) return false;
  const which = (isStop ? inArray : notInArray)(smsMessages.template, [...stopTemplates]);
  return (await countReplies(which, windowSeconds)) < limit;
}

const daySeconds = 24 * 3600;

/** Null: replies have had their share of the budget for everyone, or what is left of it is kept for codes by which people get in. */
export async function recordReply(
  tx: Tx,
  {
    text,
    userId,
    isStranger,
    reply,
  }: { text: InboundText; userId: string | null; isStranger: boolean; reply: Reply },
  now: Date,
): Promise<SentReply | null> {
  const { template, params } = reply;
  const id = newId();
  const { body } = renderFilled(reply);
  const segments = countSegments(body);
  const priceMicros = segments * priceOf(env(), text.from);
  const share = shares[isStranger ? 'strangers' : 'holders'];
  const scope = share[isStopConfirmation(template) ? 'stopConfirmations' : 'replies'];
  const total = BigInt(env().smsDailyBudgetMicros);
  const spent = await sumSpendOf(tx, ['all', scope], now);
  const fits = (which: string, limit: bigint) => spent(which) + BigInt(priceMicros) <= limit;
  if (!fits(scope, total / share.of) || !fits('all', total - shareBudget(total).keptMicros)) return null;
  const price = (priceMicros / 1_000_000).toFixed(6);
  const scopes = ['all', scope];
  await tx.insert(smsMessages).values({
    id,
    userId,
    phone: text.from,
    purpose: 'reply',
    template,
    params,
    dedupeKey: replyKey(text.sid),
    createdAt: now,
    sendAfter: now,
    status: 'sent',
    sender: text.to,
    sentAt: now,
    segments,
    price,
    estimatedPrice: price,
    reservedAt: now,
    spendScopes: scopes,
  });
  await changeSpend(tx, [{ scopes, reservedAt: now, micros: BigInt(priceMicros) }]);
  return { id, body };
}

export async function readReply(tx: Tx, sid: string): Promise<SentReply | null> {
  const [reply] = await tx
    .select({ id: smsMessages.id, template: smsMessages.template, params: smsMessages.params })
    .from(smsMessages)
    .where(eq(smsMessages.dedupeKey, replyKey(sid)));
  const text = reply && renderStoredText(reply.template, reply.params);
  return text ? { id: reply.id, body: text.body } : null;
}

function replyKey(sid: string): string {
  return `reply:${sid}`;
}
