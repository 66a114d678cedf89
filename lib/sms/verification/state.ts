import { and, asc, eq } from 'drizzle-orm';
import { smsMessages, type MessageDetails, type MessageStatus } from '@/db/schema/sms';
import type { Db, Tx } from '@/db/client';
import { limits } from '@/lib/rate-limits/limits';
import { isOpen, isSentAgain, readLastChallenge, readNextSend, type Challenge } from './challenge';
import {
  findSendClass,
  readFailures,
  readNumber,
  readSends,
  readUndeliverable,
  type NumberRow,
} from '@/lib/sms/numbers/number';
import { isUsedUpByOthers, nameStranger, readNetworkMoment } from '@/lib/sms/numbers/subjects';
import { readSendPutOff, type SendPutOff } from './verification-log';
import { lastsStill } from '@/lib/stored-moment';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';

type Text = {
  status: MessageStatus;
  createdAt: Date;
  reason: string | null;
  errorCode: number | null;
  details: MessageDetails | null;
  /** How often it was repeated by itself, because an earlier one of the same code failed. */
  retries: number;
};

/** The challenge of the number, and its texts, oldest first. */
export type SentCode = {
  challenge: Challenge | null;
  texts: readonly Text[];
  /** No code was sent, and until then no other is. */
  putOff?: SendPutOff | null;
};

/** All that the code page says, derived from the rows as they are at one moment. */
export type VerificationState = {
  phone: string;
  /** Null: no challenge is open, and a code could not be right. */
  challenge: Pick<Challenge, 'id' | 'expiresAt' | 'purpose'> | null;
  /** Why the last challenge is over; null while one is open, or when there was none. */
  closed: 'tries_spent' | 'expired' | 'ended' | null;
  text: {
    status: 'queued' | 'sent' | 'delivered' | 'failed' | 'stopped';
    /** Why it failed, was not sent, or is late (`queued` with a reason); null while all is well. */
    reason: string | null;
    errorCode: number | null;
    /** It has the code of an earlier text: nobody asked (`by_itself`), or the person did; null: it is the first. */
    repeats: 'by_itself' | 'asked' | null;
  };
  /** No text of this code can have arrived, and none to this number would. */
  deadEnd: boolean;
  tries: { remaining: number; retryAt: Date | null };
  sends: { remaining: number; retryAt: Date | null };
  /** What keeps every text from this number, whoever asks; null: nothing does. */
  blocked: 'stopped' | 'undeliverable' | null;
  /** Others than this account have a part in it that tries or sends are used up, or asked from the same network. */
  byOthers: boolean;
  /** From when the account may be opened without verification. */
  skipAt: Date;
};

/** Whose code it is. `lastChallenge`: their last challenge, where the caller has read it. */
type CodeOwner = { userId: string; phone: string; lastChallenge?: Challenge | null };

/**
 * Reads how the code of this person is doing: three reads, no lock, no effect. `network` is where they ask from; left out, it
 * plays no part.
 */
export async function readVerificationState(
  db: Db | Tx,
  { network = null, ...owner }: CodeOwner & { network?: string | null },
  now: Date,
): Promise<VerificationState> {
  const { userId, phone } = owner;
  const sent = await readSentCode(db, owner, now);
  const number = await readNumber(db, phone);
  return deriveVerificationState({ userId, phone, network, number, ...sent }, now);
}

/** Whether a code that is typed now may be right. */
export function hearsCodes({ challenge, tries }: Pick<VerificationState, 'challenge' | 'tries'>): boolean {
  return challenge !== null && tries.remaining > 0;
}

/** The last code that was asked for at this number: two reads, or one with `lastChallenge`. */
export async function readSentCode(
  db: Db | Tx,
  { userId, phone, lastChallenge }: CodeOwner,
  now: Date,
): Promise<SentCode> {
  const last = lastChallenge === undefined ? await readLastChallenge(db, userId, now) : lastChallenge;
  if (last?.phone !== phone) {
    return { challenge: null, texts: [], putOff: await readSendPutOff(db, userId, now) };
  }
  const texts = await db
    .select({
      status: smsMessages.status,
      createdAt: smsMessages.createdAt,
      reason: smsMessages.reason,
      errorCode: smsMessages.errorCode,
      details: smsMessages.details,
      retries: smsMessages.retries,
    })
    .from(smsMessages)
    .where(and(eq(smsMessages.challengeId, last.id), eq(smsMessages.direction, 'out')))
    .orderBy(asc(smsMessages.createdAt));
  return { challenge: last, texts, putOff: null };
}

/** The same, pure: what follows from a challenge, its texts and its number. */
export function deriveVerificationState(
  {
    userId,
    phone,
    network,
    challenge,
    number,
    texts,
    putOff = null,
  }: {
    userId: string;
    phone: string;
    network: string | null;
    number: NumberRow | null;
  } & SentCode,
  now: Date,
): VerificationState {
  const open = challenge !== null && isOpen(challenge, now) ? challenge : null;
  const nextClass = open !== null && isSentAgain(open, now) ? open.sendClass : findSendClass(number, userId);
  const triedClass = open?.sendClass ?? nextClass;
  const failures = readFailures(number, triedClass, now);
  const tries = {
    remaining: Math.min(failures.remaining, open ? limits.wrongTriesPerChallenge - open.wrongTries : 0),
    retryAt: failures.retryAt,
  };
  const windows = readSends(number, nextClass, now);
  const stranger = nameStranger(phone, userId, network);
  const networkAt =
    number !== null && nextClass === 'prove' ? readNetworkMoment(number, stranger, now) : null;
  const byOthers =
    networkAt !== null ||
    (nextClass === 'prove' && isUsedUpByOthers(number, { act: 'send', ...stranger }, now)) ||
    (triedClass === 'prove' && isUsedUpByOthers(number, { act: 'failure', ...stranger }, now));
  const soonest = open && readNextSend(open, now);
  const undeliverable = readUndeliverable(number, now);
  const text = deriveText(number, texts, { putOff, now });
  const sends = {
    remaining: windows.remaining,
    retryAt: latestOf(
      [
        windows.retryAt,
        networkAt,
        soonest,
        readBudgetMoment(texts.at(-1), now),
        putOff?.until ?? null,
        undeliverable?.until ?? null,
      ],
      now,
    ),
  };
  return {
    phone,
    closed: challenge === null || open !== null ? null : whyClosed(challenge, now),
    challenge: open && { id: open.id, expiresAt: open.expiresAt, purpose: open.purpose },
    text,
    deadEnd: isDeadEnd(text, texts),
    tries,
    sends,
    blocked: isOptedOut(number, 'verification') ? 'stopped' : undeliverable ? 'undeliverable' : null,
    byOthers,
    skipAt: deriveSkipAt({ open, text, texts, tries, sends, byOthers }, now),
  };
}

/** The last of these moments that is still to come: all of them have to pass. */
function latestOf(moments: readonly (Date | null)[], now: Date): Date | null {
  const latest = Math.max(...moments.map((moment) => moment?.getTime() ?? 0));
  return latest > now.getTime() ? new Date(latest) : null;
}

/** Why a challenge that is not open hears no code any more. */
function whyClosed(challenge: Challenge, now: Date): 'tries_spent' | 'expired' | 'ended' {
  if (challenge.wrongTries >= limits.wrongTriesPerChallenge) return 'tries_spent';
  const isLeft = challenge.consumedAt === null && challenge.endedAt === null;
  return isLeft || challenge.expiresAt <= now ? 'expired' : 'ended';
}

function deriveText(
  number: NumberRow | null,
  texts: readonly Text[],
  { putOff, now }: { putOff: SendPutOff | null; now: Date },
): VerificationState['text'] {
  const latest = texts.at(-1);
  const details = {
    reason: latest?.reason ?? null,
    errorCode: latest?.errorCode ?? null,
    repeats: texts.length < 2 ? null : latest!.retries > 0 ? ('by_itself' as const) : ('asked' as const),
  };
  if (isOptedOut(number, 'verification')) return { ...details, status: 'stopped' };
  if (latest === undefined) {
    return {
      status: 'failed',
      reason: readUndeliverable(number, now) ? 'undeliverable' : (putOff?.reason ?? 'not_sent'),
      errorCode: null,
      repeats: null,
    };
  }
  switch (latest.status) {
    case 'queued':
    case 'sending':
      return { ...details, status: 'queued' };
    case 'sent':
    case 'delivered':
      return { ...details, status: latest.status };
    default:
      return { ...details, status: 'failed' };
  }
}

/** Why a text failed that would fail again: the number is not one that our texts reach. */
const incurable: ReadonlySet<string> = new Set([
  'invalid_number',
  'undeliverable',
  'undeliverable_number',
  'not_valid',
  'premium',
  'toll_free',
  'landline',
  'not_mobile',
  'country_not_served',
  'region_not_enabled',
  'filtered',
  'blocked_by_carrier',
  'blocked_as_fraud',
]);

/** Why a text never left, after a STOP. */
const keptBack: ReadonlySet<string> = new Set(['stopped', 'opted_out', 'no_consent']);

function isDeadEnd({ status, reason }: VerificationState['text'], texts: readonly Text[]): boolean {
  if (status === 'stopped') return !texts.some(mayHaveArrived);
  if (status !== 'failed' || reason === null || !incurable.has(reason)) return false;
  return !texts.some((each) => each.status === 'sent' || each.status === 'delivered');
}

function mayHaveArrived({ status, reason }: Text): boolean {
  if (status !== 'failed' || reason === null) return status !== 'canceled' && status !== 'queued';
  return !incurable.has(reason) && !keptBack.has(reason);
}

/**
 * When "Continue without verifying" is offered: at once when the text failed, was refused or met a fault of the provider,
 * a limit is reached, be it by others, or the challenge ended; once a text was delivered, three minutes after the first one, or
 * when the challenge expires; else 60 seconds after the first text. So whoever has the code has the time to enter it, and nobody is
 * trapped.
 */
function deriveSkipAt(
  state: {
    open: Challenge | null;
    text: VerificationState['text'];
    texts: readonly Text[];
    tries: VerificationState['tries'];
    sends: VerificationState['sends'];
    byOthers: boolean;
  },
  now: Date,
): Date {
  const { open, text, texts, tries, sends, byOthers } = state;
  if (!open || text.status === 'failed' || text.status === 'stopped') return now;
  if (text.status === 'queued' && text.reason !== null) return now;
  if (tries.remaining === 0 || sends.remaining === 0 || byOthers) return now;
  const first = texts[0];
  if (first === undefined) return now;
  const isDelivered = texts.some((each) => each.status === 'delivered');
  const patience = isDelivered ? limits.deliveredPatienceSeconds : limits.receiptPatienceSeconds;
  return new Date(Math.min(first.createdAt.getTime() + patience * 1000, open.expiresAt.getTime()));
}

/** The budget counts what was spent in the last day. */
const longestBudgetMs = 24 * 3600 * 1000;

/** When a code fits the budget again that the last text was refused for; null: it was not, or waiting does not help. */
function readBudgetMoment(text: Text | undefined, now: Date): Date | null {
  const moment = text?.reason === 'budget' ? text.details?.retryAt : null;
  const at = typeof moment === 'string' ? new Date(moment) : null;
  return at !== null && lastsStill(at, longestBudgetMs, now) ? at : null;
}
