import { type Remedy } from './error-codes';
import { Temporal } from 'temporal-polyfill';

/** A sender that was stopped tries again after this long: an operator may have mended it meanwhile. */
const senderRestMs = 60_000;

/** The same where each try is paid for: the provider takes the text, and no carrier does. */
const paidSenderRestMs = 15 * 60_000;

/** A text that was accepted and then undelivered is paid for; it is repeated at most this often. */
export const mostRepetitions = 3;

/** A provider that names a longer pause is taken at a minute: no one answer silences a sender for a day. */
const longestNamedPauseMs = 60_000;

/** A text that waits for the provider is given up after this long, whatever the reason. */
export const giveUpAfterMs = 24 * 3600 * 1000;

/**
 * How long to wait before the next call or look-up: exponential with jitter. A code's first comes after 3 to 6 seconds, so
 * that the person is not kept waiting; a text nobody waits for gives the provider half a minute.
 *
 * @param attempt how many calls there were, from 1
 * @param random from 0 to 1
 */
export function backoffMs({
  attempt,
  isCode,
  random,
}: {
  attempt: number;
  isCode: boolean;
  random: number;
}): number {
  const [first, longest] = isCode ? [6_000, 60_000] : [60_000, 30 * 60_000];
  const ceiling = Math.min(longest, first * 2 ** (Math.max(1, attempt) - 1));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}

/**
 * The moment of the next try.
 *
 * @returns null for what is final, and when the tries of this error are spent
 */
export function nextTryAt(
  remedy: Remedy,
  facts: {
    attempt: number;
    isCode: boolean;
    retryAfterSeconds?: number | null;
    random: number;
    now: Date;
  },
): Date | null {
  const { now, random } = facts;
  const after = (ms: number) => new Date(now.getTime() + ms);
  switch (remedy.kind) {
    case 'final':
      return null;
    case 'retry':
      if (remedy.maxRetries !== null && facts.attempt > remedy.maxRetries) return null;
      // Twilio asks for a pause of 15 to 30 minutes after a block (error 30450).
      if (remedy.pause === 'quarter_hour') return after(Math.round((15 + 15 * random) * 60_000));
      return after(backoffMs(facts));
    case 'slow_down':
      return after(Math.max(backoffMs(facts), namedPauseMs(facts.retryAfterSeconds)));
    case 'stop_sender':
      return after(senderRestMs);
    case 'next_day':
      return new Date(nextPacificMidnight(now).getTime() + Math.round(15 * 60_000 * random));
  }
}

/**
 * Until when the whole sender rests for the error of one text: seconds for too many requests, longer where the sender
 * itself is refused. How often that one text was tried has no say, so that it never holds up the codes of others.
 *
 * @param paid whether the provider had accepted the text before it failed
 * @returns null where the error says nothing about the sender
 */
export function senderRestUntil(
  remedy: Remedy,
  facts: { retryAfterSeconds?: number | null; paid: boolean; random: number; now: Date },
): Date | null {
  const after = (ms: number) => new Date(facts.now.getTime() + ms);
  if (remedy.kind === 'stop_sender') return after(facts.paid ? paidSenderRestMs : senderRestMs);
  if (remedy.kind !== 'slow_down') return null;
  const ownMs = backoffMs({ attempt: 1, isCode: true, random: facts.random });
  return after(Math.max(ownMs, namedPauseMs(facts.retryAfterSeconds)));
}

function namedPauseMs(retryAfterSeconds: number | null | undefined): number {
  return Math.min(longestNamedPauseMs, (retryAfterSeconds ?? 0) * 1000);
}

/** Carriers count their daily caps in Pacific time. */
function nextPacificMidnight(now: Date): Date {
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(
    'America/Los_Angeles',
  );
  return new Date(today.add({ days: 1 }).startOfDay().epochMilliseconds);
}
