import { limits } from '@/lib/rate-limits/limits';
import { smsMessages } from '@/db/schema/sms';
import type { Tx } from '@/db/client';
import { renderFilled, renderStoredText, type FilledText } from '@/lib/sms/outbox/text-templates';
import { and, eq, gt } from 'drizzle-orm';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { sumSpend, changeSpend } from '@/lib/sms/capacity/budget';
import { priceOf } from '@/lib/sms/capacity/price';
import { type InboundText } from './read-inbound-text';
import { countSegments } from '@/lib/sms/outbox/segments';

/** What we say to STOP, START or HELP, and to an answer. */
export type Reply = FilledText<'stopConfirmation' | 'startConfirmation' | 'help' | AboutAnswer>;

type AboutAnswer = 'answerTaken' | 'answerUnclear';

/** Said once a day each: people write more than one text. */
const aboutAnswers: ReadonlySet<string> = new Set<AboutAnswer>(['answerTaken', 'answerUnclear']);

/** A reply as it is recorded: the row's id and the words. */
export type SentReply = { id: string; body: string };

/**
 * Anyone can text us, and numbers can be forged. Replies to numbers that nobody has proven are counted under a scope of
 * their own, too, and take one twentieth of the budget for everyone in any 24 hours; so do confirmations of a STOP, so
 * that no chatter takes theirs. The rest is for those who wait for codes and updates.
 */
const strangersScopes = { replies: 'strangers_replies', stopConfirmations: 'strangers_stops' };

const strangersShare = 20n;

/**
 * Counted after the number's lock was given, so that texts which come together cannot all be the last one that gets a reply. A
 * STOP's confirmations are counted by themselves. What became of an answer is said once a day.
 */
export async function mayReply(
  tx: Tx,
  { phone, reply }: { phone: string; reply: Reply },
  now: Date,
): Promise<boolean> {
  const isStop = reply.template === 'stopConfirmation';
  const [{ limit, windowSeconds }] = isStop ? limits.stopConfirmationsPerNumber : limits.repliesPerNumber;
  const countReplies = (template: Reply['template'] | null, seconds: number) =>
    tx.$count(
      smsMessages,
      and(
        eq(smsMessages.phone, phone),
        eq(smsMessages.purpose, 'reply'),
        template === null ? undefined : eq(smsMessages.template, template),
        gt(smsMessages.createdAt, new Date(now.getTime() - seconds * 1000)),
      ),
    );
  const { template } = reply;
  if (aboutAnswers.has(template) && (await countReplies(template, daySeconds)) > 0) return false;
  return (await countReplies(isStop ? 'stopConfirmation' : null, windowSeconds)) < limit;
}

const daySeconds = 24 * 3600;

/** Null: strangers have had their share of the budget. */
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
  const share = strangersScopes[template === 'stopConfirmation' ? 'stopConfirmations' : 'replies'];
  if (isStranger) {
    const spent = await sumSpend(tx, share, now);
    if (spent + BigInt(priceMicros) > BigInt(env().smsDailyBudgetMicros) / strangersShare) return null;
  }
  const price = (priceMicros / 1_000_000).toFixed(6);
  const scopes = isStranger ? ['all', share] : ['all'];
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
