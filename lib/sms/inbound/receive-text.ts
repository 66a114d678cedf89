import { smsMessages, type MessageDetails } from '@/db/schema/sms';
import type { SenderRole } from '@/db/schema/consent';
import type { Db, Tx } from '@/db/client';
import { findOnlyUserByPhone } from '@/lib/accounts/users';
import {
  asksForAll,
  isStandardKeyword,
  readInbound,
  saysNothing,
  type InboundMeaning,
} from '@/lib/consent/keywords';
import type { RequestContext } from '@/lib/context';
import { env, type Env } from '@/lib/env';
import { newId } from '@/lib/random';
import { readOpenCodes } from '@/lib/sms/verification/challenge';
import { optBackIn } from './opt-back-in';
import { lockNumber, type NumberRow } from '@/lib/sms/numbers/number';
import type { Said } from '@/lib/consent/opt-out-ledger';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { senderTexted } from '@/lib/sms/senders/sender';
import { suppressedSenders } from '@/lib/sms/numbers/number';
import { type Reply, type SentReply, mayReply, readReply, recordReply } from './reply';
import { type FoundLate, isOvertakenBy, obeyLate, recordLate } from './found-late';
import { type InboundText } from './read-inbound-text';

export type InboundResult =
  | { ok: true; meaning: InboundMeaning; isDuplicate: boolean; reply: SentReply | null }
  | { ok: false; reason: 'not_to_us' | 'no_number' };

const longestBody = 1_600;

/**
 * Does something with a text that is no keyword, of someone who has proven the number that it came from, in the transaction that
 * keeps it. Out: whether it went anywhere, or whether it is unclear where it belongs; both are told to the writer.
 */
export type TakeAnswer = (
  tx: Tx,
  answer: { userId: string; messageId: string; body: string; sentAt: Date },
) => Promise<'taken' | 'unclear' | 'none'>;

/**
 * Takes in a text from a person: keeps it, does what it asks for (STOP, START), and says what to reply, if anything. All
 * of it is one transaction under the number's lock.
 *
 * The caller hands the reply to the provider. It is recorded here, and its price is reserved in the sum for everyone: never in
 * a person's own, since a number can be forged. There is no reply where the
 * provider replies itself: to its own keywords, and where `optOutType` is set. STOP is confirmed
 * once, whenever it newly opts out (FCC 24-24), until the number has had `limits.stopConfirmationsPerNumber`. HELP gets
 * a reply whoever asks (CTIA Messaging Principles 2023), as does START, until the number has had `limits.repliesPerNumber`.
 * Neither goes to a number that is not served (`mayReply`). Both end when replies have had their share of the budget, or what is left of it is kept for codes by which people get in
 * (`recordReply`).
 * What comes after is kept and obeyed all the same.
 *
 * A text that is handed over again is recorded once and gets the same reply. Refuses with `not_to_us` what was sent to
 * another number, unless it asks to stop, which is obeyed wherever it arrives; and with `no_number` a sender that is none.
 *
 * A text that was found late is kept under the moment it was sent at, and obeyed unless the contrary was said since: START,
 * or the consent of the number's proven holder, after STOP; STOP after START. It gets no reply: the consent that a STOP ends
 * covers its confirmation for five minutes only (47 CFR 64.1200(a)(12)), and Twilio has replied to its own keywords by then.
 *
 * What is no keyword, and comes from whoever has proven the number, is handed to `takeAnswer`.
 */
export async function receiveText(
  db: Db,
  text: InboundText,
  context: RequestContext,
  { late = null, takeAnswer }: { late?: FoundLate | null; takeAnswer?: TakeAnswer } = {},
): Promise<InboundResult> {
  const settings = env();
  const meaning = readMeaning(text);
  if (!/^\+?[1-9]\d{2,14}$/.test(text.from)) return { ok: false, reason: 'no_number' };
  const saidTo = senderTexted(settings, text);
  if (meaning !== 'stop' && saidTo === null) return { ok: false, reason: 'not_to_us' };
  const providerReplies = text.optOutType !== null || isStandardKeyword(text.body);
  return db.transaction(async (tx) => {
    const number = await lockNumber(tx, text.from);
    const userId = await findWriter(tx, number);
    const isForAll = asksForAll(text.body);
    const isOvertaken =
      late !== null && (await isOvertakenBy(tx, number, { meaning, saidTo, isForAll, ...late }, context.now));
    const details = late && { foundAt: context.now.toISOString(), overtaken: isOvertaken };
    const at = late?.sentAt ?? context.now;
    const body = hideCodes(
      text.body.replaceAll('\0', '').slice(0, longestBody),
      await readOpenCodes(tx, text.from, context.now),
    );
    const said = { sender: text.to, words: body, providerSid: text.sid };
    const messageId = await keepText(tx, { text, body, meaning, saidTo, userId, at, details });
    if (messageId === null) {
      const reply = await readReply(tx, text.sid);
      return { ok: true as const, meaning, isDuplicate: true, reply };
    }
    const holder = meaning === 'other' && !saysNothing(body) ? number.holderUserId : null;
    const taken =
      holder === null || takeAnswer === undefined
        ? 'none'
        : await takeAnswer(tx, { userId: holder, messageId, body, sentAt: at });
    const order = { phone: text.from, meaning, saidTo, isForAll, said };
    if (late !== null) {
      const { sentAt } = late;
      if (isOvertaken) await recordLate(tx, { ...order, sentAt }, context);
      else await obeyLate(tx, { ...order, sentAt }, context);
      return { ok: true as const, meaning, isDuplicate: false, reply: null };
    }
    // Whoever has opted out hears nothing, not even that what they wrote was taken.
    const hears = !suppressedSenders(number).includes(saidTo ?? 'updates');
    const answer = hears && taken !== 'none' ? sayTaken(taken, settings) : null;
    const reply = taken === 'none' ? await obey(tx, order, settings, context) : answer;
    const isDue =
      reply !== null && !providerReplies && (await mayReply(tx, { phone: text.from, reply }, context.now));
    const isStranger = number.holderUserId === null;
    const sent = isDue ? await recordReply(tx, { text, userId, isStranger, reply }, context.now) : null;
    return { ok: true as const, meaning, isDuplicate: false, reply: sent };
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

function sayTaken(taken: 'taken' | 'unclear', { appUrl, siteName: site }: Env): Reply {
  const template = taken === 'taken' ? 'answerTaken' : 'answerUnclear';
  return { template, params: { site, url: new URL('/applications', appUrl).href } };
}

/** Out: its id; null: it was kept before. */
async function keepText(
  tx: Tx,
  {
    text,
    body,
    meaning,
    saidTo,
    userId,
    at,
    details,
  }: {
    text: InboundText;
    body: string;
    meaning: InboundMeaning;
    saidTo: SenderRole | null;
    userId: string | null;
    at: Date;
    details: MessageDetails | null;
  },
): Promise<string | null> {
  const kept = await tx
    .insert(smsMessages)
    .values({
      id: newId(),
      direction: 'in',
      userId,
      phone: text.from,
      purpose: 'inbound',
      template: 'inbound',
      params: { meaning, ...(saidTo === 'codes' && { to: saidTo }) },
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
  return kept[0]?.id ?? null;
}

/** People answer a code with the code: while it is worth something it is not kept. */
function hideCodes(body: string, codes: ReadonlySet<string>): string {
  return body.replace(/(?<!\d)\d(?:[ -]?\d){5}(?!\d)/g, (digits) =>
    codes.has(digits.replace(/[ -]/g, '')) ? '••••••' : digits,
  );
}

/** What a text asks for, and to which of our senders it was sent (null: to none). */
type Order = {
  phone: string;
  meaning: InboundMeaning;
  saidTo: SenderRole | null;
  isForAll: boolean;
  said: Said;
};

/** Does what a text asks for. Out: the reply to it. */
async function obey(
  tx: Tx,
  { phone, meaning, saidTo, isForAll, said }: Order,
  { appUrl, siteName: site }: Env,
  context: RequestContext,
): Promise<Reply | null> {
  switch (meaning) {
    case 'stop': {
      const stop = { phone, by: 'sms_stop', saidTo, isForAll, now: context.now, said } as const;
      const { isFirst, cover } = await optOut(tx, stop);
      if (!isFirst) return null;
      const template = cover.senders.includes('codes') ? 'stopConfirmation' : 'stopUpdatesConfirmation';
      return { template, params: { site } };
    }
    case 'start': {
      const { isTooOften, stay } = await optBackIn(tx, phone, context, { saidTo, said });
      if (isTooOften) return null;
      const url = new URL('/users/sms-preferences', appUrl).href;
      const [stays] = stay;
      const lifts = stays && (stays === 'codes' ? 'updates' : 'codes');
      return { template: 'startConfirmation', params: { site, url, ...(lifts && { lifts }) } };
    }
    case 'help':
      return { template: 'help', params: { site, url: new URL('/terms', appUrl).href } };
    case 'other':
      return null;
  }
}
