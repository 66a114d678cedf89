import { and, eq, gt } from 'drizzle-orm';
import { smsMessages } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { findOnlyUserByPhone } from '@/lib/accounts/users';
import { isStandardKeyword, readInbound, type InboundMeaning } from '@/lib/consent/keywords';
import type { RequestContext } from '@/lib/context';
import { env, type Env } from '@/lib/env';
import { limits } from '@/lib/limits';
import { newId } from '@/lib/random';
import { changeSpend } from './budget';
import { readOpenCodes } from './challenge';
import { liftBlock } from './lift-block';
import { lockNumber, type NumberRow } from './number';
import { optOut } from './opt-out';
import { priceOf } from './price';
import { countSegments } from './segments';
import { isOwnSender } from './sender-phone';
import { renderStoredText, renderText, type TemplateParams } from './templates';

/** A text from a person, as the provider hands it over. */
export type InboundText = {
  /** The provider's id of it; the same text may be handed over several times. */
  sid: string;
  from: string;
  to: string;
  messagingServiceSid: string | null;
  body: string;
  /** Set where the provider has understood and answered the text by itself (Twilio's Advanced Opt-Out). */
  optOutType: 'STOP' | 'START' | 'HELP' | null;
};

export type InboundAnswer =
  | { ok: true; meaning: InboundMeaning; isDuplicate: boolean; reply: { id: string; body: string } | null }
  | { ok: false; reason: 'not_to_us' | 'no_number' };

const longestBody = 1_600;

/**
 * Takes in a text from a person: keeps it, does what it asks for (STOP, START), and answers what to reply, if anything, in
 * one transaction under the number's lock.
 *
 * The reply is for the caller to hand back to the provider; it is recorded here, and no budget applies to it, but its price
 * is reserved in the sum for everybody: never in a person's own, since a number can be forged. There is
 * none where the provider answers by itself: not on its own keywords, not where `optOutType` is set. STOP is confirmed
 * once, whenever it newly opts out (FCC 24-24). HELP is answered whoever asks (CTIA Messaging Principles 2023), as is
 * START, until the number has had `limits.repliesPerNumber`; what comes after is kept and obeyed all the same.
 *
 * A text that is handed over again is recorded once and answered the same. Refuses with `not_to_us` what was sent to
 * another number, unless it asks to stop, which is obeyed wherever it arrives; and with `no_number` a sender that is none.
 */
export async function receiveText(
  db: Db,
  text: InboundText,
  context: RequestContext,
): Promise<InboundAnswer> {
  const settings = env();
  const meaning = readMeaning(text);
  if (!/^\+?[1-9]\d{2,14}$/.test(text.from)) return { ok: false, reason: 'no_number' };
  if (meaning !== 'stop' && !isOwnSender(settings, text)) return { ok: false, reason: 'not_to_us' };
  const isAnswered = text.optOutType !== null || isStandardKeyword(text.body);
  return db.transaction(async (tx) => {
    const number = await lockNumber(tx, text.from);
    const userId = await findWriter(tx, number);
    if (!(await keepText(tx, { text, meaning, userId }, context.now))) {
      const reply = await readReply(tx, text.sid);
      return { ok: true as const, meaning, isDuplicate: true, reply };
    }
    const answer = await obey(tx, { phone: text.from, meaning }, settings, context);
    const isDue =
      answer !== null &&
      !isAnswered &&
      (answer.template === 'stopConfirmation' || (await mayReply(tx, text.from, context.now)));
    const reply = isDue ? await recordReply(tx, { text, userId, answer }, context.now) : null;
    return { ok: true as const, meaning, isDuplicate: false, reply };
  });
}

/** Where provider and reading differ, "no more texts" wins. */
function readMeaning({ body, optOutType }: InboundText): InboundMeaning {
  const meaning = readInbound(body);
  if (meaning === 'stop' || optOutType === null) return meaning;
  return ({ STOP: 'stop', START: 'start', HELP: 'help' } as const)[optOutType];
}

/** Whose text it is, where that is certain: the number's proven holder, or the only account that names it. */
async function findWriter(tx: Tx, { number, holderUserId }: NumberRow): Promise<string | null> {
  return holderUserId ?? (await findOnlyUserByPhone(tx, number));
}

/** False: it was kept before. */
async function keepText(
  tx: Tx,
  { text, meaning, userId }: { text: InboundText; meaning: InboundMeaning; userId: string | null },
  now: Date,
): Promise<boolean> {
  const codes = await readOpenCodes(tx, text.from, now);
  const kept = await tx
    .insert(smsMessages)
    .values({
      id: newId(),
      direction: 'in',
      userId,
      phone: text.from,
      purpose: 'inbound',
      template: 'inbound',
      params: { meaning },
      createdAt: now,
      sendAfter: now,
      status: 'received',
      sender: text.to,
      providerSid: text.sid,
      body: hideCodes(text.body.replaceAll('\0', '').slice(0, longestBody), codes),
    })
    .onConflictDoNothing({ target: smsMessages.providerSid })
    .returning({ id: smsMessages.id });
  return kept.length > 0;
}

/** People answer a code with the code: while it is worth something it is not kept. */
function hideCodes(body: string, codes: ReadonlySet<string>): string {
  return body.replace(/(?<!\d)\d(?:[ -]?\d){5}(?!\d)/g, (digits) =>
    codes.has(digits.replace(/[ -]/g, '')) ? '••••••' : digits,
  );
}

type Answer = {
  [Name in 'stopConfirmation' | 'startConfirmation' | 'help']: {
    template: Name;
    params: TemplateParams[Name];
  };
}['stopConfirmation' | 'startConfirmation' | 'help'];

/** Does what a text asks for. Out: what to say to that. */
async function obey(
  tx: Tx,
  { phone, meaning }: { phone: string; meaning: InboundMeaning },
  { appUrl }: Env,
  context: RequestContext,
): Promise<Answer | null> {
  switch (meaning) {
    case 'stop': {
      const { isFirst } = await optOut(tx, { phone, by: 'sms_stop', now: context.now });
      return isFirst ? { template: 'stopConfirmation', params: {} } : null;
    }
    case 'start':
      await liftBlock(tx, phone, context);
      return {
        template: 'startConfirmation',
        params: { url: new URL('/users/sms-preferences', appUrl).href },
      };
    case 'help':
      return { template: 'help', params: { url: new URL('/terms', appUrl).href } };
    case 'other':
      return null;
  }
}

/** Counted after the number's lock was given, so that texts which come together cannot all be the last one answered. */
async function mayReply(tx: Tx, phone: string, now: Date): Promise<boolean> {
  const [{ limit, windowSeconds }] = limits.repliesPerNumber;
  const replies = await tx.$count(
    smsMessages,
    and(
      eq(smsMessages.phone, phone),
      eq(smsMessages.purpose, 'reply'),
      gt(smsMessages.createdAt, new Date(now.getTime() - windowSeconds * 1000)),
    ),
  );
  return replies < limit;
}

async function recordReply(
  tx: Tx,
  { text, userId, answer }: { text: InboundText; userId: string | null; answer: Answer },
  now: Date,
): Promise<{ id: string; body: string }> {
  const { template, params } = answer;
  const id = newId();
  const { body } = renderText(template, params as never);
  const segments = countSegments(body);
  const priceMicros = segments * priceOf(env(), text.from);
  const price = (priceMicros / 1_000_000).toFixed(6);
  const scopes = ['all'];
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

async function readReply(tx: Tx, sid: string): Promise<{ id: string; body: string } | null> {
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
