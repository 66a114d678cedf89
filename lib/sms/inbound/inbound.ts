import { and, eq, gt, sql } from 'drizzle-orm';
import { smsMessages, type MessageDetails } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { findOnlyUserByPhone } from '@/lib/accounts/users';
import { hasAgreedSince } from '@/lib/consent/ledger';
import { isStandardKeyword, readInbound, type InboundMeaning } from '@/lib/consent/keywords';
import type { RequestContext } from '@/lib/context';
import { env, type Env } from '@/lib/env';
import { limits } from '@/lib/limits';
import { newId } from '@/lib/random';
import { changeSpend, sumSpend } from '@/lib/sms/capacity/budget';
import { readOpenCodes } from '@/lib/sms/verification/challenge';
import { liftBlock } from './opt-back-in';
import { lockNumber, type NumberRow } from '@/lib/sms/numbers/number';
import { optOut, recordText, type Said } from '@/lib/sms/outbox/opt-out';
import { priceOf } from '@/lib/sms/capacity/price';
import { countSegments } from '@/lib/sms/outbox/segments';
import { isOwnSender } from '@/lib/sms/capacity/sender';
import { renderStoredText, renderText, type TemplateParams } from '@/lib/sms/outbox/templates';

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

/** Of a text that was not handed over when it came, but found in the provider's list afterwards. */
export type FoundLate = {
  /** By the provider's clock, to the second. */
  sentAt: Date;
  /** The SIDs of what the same number wrote before it, as far as the list goes back, and after it, as far as it goes. */
  earlier: ReadonlySet<string>;
  later: ReadonlySet<string>;
};

export type InboundAnswer =
  | { ok: true; meaning: InboundMeaning; isDuplicate: boolean; reply: { id: string; body: string } | null }
  | { ok: false; reason: 'not_to_us' | 'no_number' };

const longestBody = 1_600;

/**
 * Our clocks and the provider's may differ by so much, and a text may take so long to reach us: only what we recorded later than
 * that after a text was sent was certainly said after it.
 */
const surelyAfterMs = 60_000;

/**
 * Anybody can text us, and numbers can be forged. Answers to numbers that nobody has proven are counted under a scope of
 * their own, too, and take one twentieth of the budget for everybody in any 24 hours; so do confirmations of a STOP, so
 * that no chatter takes theirs. The rest is for those who wait for codes and updates.
 */
const strangersScopes = { answers: 'strangers_replies', stopConfirmations: 'strangers_stops' };
const strangersShare = 20n;

/**
 * Takes in a text from a person: keeps it, does what it asks for (STOP, START), and answers what to reply, if anything, in
 * one transaction under the number's lock.
 *
 * The reply is for the caller to hand back to the provider; it is recorded here, and no budget applies to it, but its price
 * is reserved in the sum for everybody: never in a person's own, since a number can be forged. There is
 * none where the provider answers by itself: not on its own keywords, not where `optOutType` is set. STOP is confirmed
 * once, whenever it newly opts out (FCC 24-24), until the number has had `limits.stopConfirmationsPerNumber`. HELP is
 * answered whoever asks (CTIA Messaging Principles 2023), as is START, until the number has had `limits.repliesPerNumber`.
 * Where nobody has proven the number, both end when such numbers have had their share of the budget (`strangersScopes`).
 * What comes after is kept and obeyed all the same.
 *
 * A text that is handed over again is recorded once and answered the same. Refuses with `not_to_us` what was sent to
 * another number, unless it asks to stop, which is obeyed wherever it arrives; and with `no_number` a sender that is none.
 *
 * A text that was found late is kept under the moment it was sent at, and obeyed unless the contrary was said since: START,
 * or the consent of the number's proven holder, after STOP; STOP after START. It is not answered: a confirmation of a STOP is within the consent that it ends for five minutes only (47 CFR
 * 64.1200(a)(12)), and by then Twilio has answered its own keywords.
 */
export async function receiveText(
  db: Db,
  text: InboundText,
  context: RequestContext,
  late: FoundLate | null = null,
): Promise<InboundAnswer> {
  const settings = env();
  const meaning = readMeaning(text);
  if (!/^\+?[1-9]\d{2,14}$/.test(text.from)) return { ok: false, reason: 'no_number' };
  if (meaning !== 'stop' && !isOwnSender(settings, text)) return { ok: false, reason: 'not_to_us' };
  const isAnswered = text.optOutType !== null || isStandardKeyword(text.body);
  return db.transaction(async (tx) => {
    const number = await lockNumber(tx, text.from);
    const userId = await findWriter(tx, number);
    const isOvertaken = late !== null && (await isOvertakenBy(tx, number, { meaning, ...late }));
    const details = late && { foundAt: context.now.toISOString(), overtaken: isOvertaken };
    const at = late?.sentAt ?? context.now;
    const body = hideCodes(
      text.body.replaceAll('\0', '').slice(0, longestBody),
      await readOpenCodes(tx, text.from, context.now),
    );
    const said = { sender: text.to, words: body, providerSid: text.sid };
    if (!(await keepText(tx, { text, body, meaning, userId, at, details }))) {
      const reply = await readReply(tx, text.sid);
      return { ok: true as const, meaning, isDuplicate: true, reply };
    }
    if (late !== null) {
      const order = { phone: text.from, meaning, said, sentAt: late.sentAt };
      if (isOvertaken) await recordLate(tx, order, context);
      else await obeyLate(tx, order, context);
      return { ok: true as const, meaning, isDuplicate: false, reply: null };
    }
    const answer = await obey(tx, { phone: text.from, meaning, said }, settings, context);
    const isDue =
      answer !== null && !isAnswered && (await mayReply(tx, { phone: text.from, answer }, context.now));
    const isStranger = number.holderUserId === null;
    const reply = isDue ? await recordReply(tx, { text, userId, isStranger, answer }, context.now) : null;
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
  {
    text,
    body,
    meaning,
    userId,
    at,
    details,
  }: {
    text: InboundText;
    body: string;
    meaning: InboundMeaning;
    userId: string | null;
    at: Date;
    details: MessageDetails | null;
  },
): Promise<boolean> {
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
      createdAt: at,
      sendAfter: at,
      details,
      status: 'received',
      sender: text.to,
      providerSid: text.sid,
      body,
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
  { phone, meaning, said }: { phone: string; meaning: InboundMeaning; said: Said },
  { appUrl }: Env,
  context: RequestContext,
): Promise<Answer | null> {
  switch (meaning) {
    case 'stop': {
      const { isFirst } = await optOut(tx, { phone, by: 'sms_stop', now: context.now, said });
      return isFirst ? { template: 'stopConfirmation', params: {} } : null;
    }
    case 'start':
      await liftBlock(tx, phone, context, { said });
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

/**
 * Whether the contrary was said since a text that was found late. What cannot be put in order for certain counts for "no more
 * texts".
 *
 * Of those who consented since a STOP only the proven holder counts: anybody can write a number into a form.
 */
async function isOvertakenBy(
  tx: Tx,
  { number: phone, holderUserId, suppressedAt }: NumberRow,
  { meaning, sentAt, ...order }: { meaning: InboundMeaning } & FoundLate,
): Promise<boolean> {
  const surelyAfter = new Date(sentAt.getTime() + surelyAfterMs);
  switch (meaning) {
    case 'stop':
      return (
        (await hasTextedSince(tx, phone, 'start', { sentAt, ...order })) ||
        (holderUserId !== null &&
          (await hasAgreedSince(tx, { phone, userId: holderUserId, since: surelyAfter })))
      );
    case 'start':
      return (
        (suppressedAt !== null && suppressedAt > surelyAfter) ||
        (await hasTextedSince(tx, phone, 'stop', { sentAt, ...order }))
      );
    default:
      return false;
  }
}

/** Whether a number has texted this after another text: by the order of the provider's list, else by the moment it reached us. */
async function hasTextedSince(
  tx: Tx,
  phone: string,
  meaning: InboundMeaning,
  { sentAt, earlier, later }: FoundLate,
): Promise<boolean> {
  const { rows } = await tx.execute<{ sid: string; is_after: boolean }>(sql`
    select provider_sid as sid, created_at > ${sentAt.toISOString()}::timestamptz as is_after from sms_messages
    where phone = ${phone} and created_at >= ${sentAt.toISOString()}::timestamptz - interval '1 hour'
      and direction = 'in' and params->>'meaning' = ${meaning}`);
  return rows.some(({ sid, is_after: isAfter }) => later.has(sid) || (isAfter && !earlier.has(sid)));
}

type LateOrder = { phone: string; meaning: InboundMeaning; said: Said; sentAt: Date };

/** Does what a text asks for that was found late and that nothing has overtaken. */
async function obeyLate(
  tx: Tx,
  { phone, meaning, said, sentAt }: LateOrder,
  context: RequestContext,
): Promise<void> {
  if (meaning === 'stop') {
    const agreedBefore = new Date(sentAt.getTime() + surelyAfterMs);
    const late = { saidAt: sentAt, agreedBefore };
    await optOut(tx, { phone, by: 'sms_stop', now: context.now, said, late });
  }
  if (meaning === 'start') await liftBlock(tx, phone, context, { said, saidAt: sentAt });
}

/** Records that it was said, and changes nothing. */
async function recordLate(
  tx: Tx,
  { phone, meaning, said, sentAt: saidAt }: LateOrder,
  { now }: RequestContext,
): Promise<void> {
  if (meaning === 'stop') await recordText(tx, { phone, act: 'opted_out', said, saidAt, now });
  if (meaning === 'start') await recordText(tx, { phone, act: 'lifted', said, saidAt, now });
}

/**
 * Counted after the number's lock was given, so that texts which come together cannot all be the last one answered. A
 * STOP's confirmations are counted by themselves.
 */
async function mayReply(
  tx: Tx,
  { phone, answer }: { phone: string; answer: Answer },
  now: Date,
): Promise<boolean> {
  const isStop = answer.template === 'stopConfirmation';
  const [{ limit, windowSeconds }] = isStop ? limits.stopConfirmationsPerNumber : limits.repliesPerNumber;
  const replies = await tx.$count(
    smsMessages,
    and(
      eq(smsMessages.phone, phone),
      eq(smsMessages.purpose, 'reply'),
      isStop ? eq(smsMessages.template, 'stopConfirmation') : undefined,
      gt(smsMessages.createdAt, new Date(now.getTime() - windowSeconds * 1000)),
    ),
  );
  return replies < limit;
}

/** Null: strangers have had their share of the budget. */
async function recordReply(
  tx: Tx,
  {
    text,
    userId,
    isStranger,
    answer,
  }: { text: InboundText; userId: string | null; isStranger: boolean; answer: Answer },
  now: Date,
): Promise<{ id: string; body: string } | null> {
  const { template, params } = answer;
  const id = newId();
  const { body } = renderText(template, params as never);
  const segments = countSegments(body);
  const priceMicros = segments * priceOf(env(), text.from);
  const share = strangersScopes[template === 'stopConfirmation' ? 'stopConfirmations' : 'answers'];
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
