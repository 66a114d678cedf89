import { Temporal } from 'temporal-polyfill';

/** Why a text failed or waits, as far as the provider is concerned. */
export type ProviderReason =
  | 'provider_authentication'
  | 'too_many_requests'
  | 'invalid_number'
  | 'region_not_enabled'
  | 'opted_out'
  | 'queue_full'
  | 'handset_unreachable'
  | 'undeliverable_number'
  | 'filtered'
  | 'unknown_error'
  | 'rate_limited'
  | 'daily_cap'
  | 'sender_not_registered'
  | 'provider_timeout'
  | 'blocked_as_pumping'
  | 'blocked_as_fraud'
  | 'blocked_by_carrier'
  | 'validity_over'
  | 'provider_internal_error'
  | 'provider_refused'
  | 'provider_unreachable'
  | 'provider_fault';

/** What to do about an error. */
export type Remedy =
  | { kind: 'final'; reason: ProviderReason; alert: boolean; effect: 'opt_out' | 'undeliverable' | null }
  /** Again after a pause; `maxRetries` null: as long as the text is worth sending. */
  | { kind: 'retry'; reason: ProviderReason; pause: 'backoff' | 'quarter_hour'; maxRetries: number | null }
  /** Again after a pause, in which the whole sender rests. */
  | { kind: 'slow_down'; reason: ProviderReason }
  | { kind: 'next_day'; reason: ProviderReason }
  /** The sender rests, an operator is alerted, the text waits. */
  | { kind: 'stop_sender'; reason: ProviderReason };

const final = (
  reason: ProviderReason,
  { alert = false, effect = null }: { alert?: boolean; effect?: 'opt_out' | 'undeliverable' | null } = {},
): Remedy => ({ kind: 'final', reason, alert, effect });

const retry = (
  reason: ProviderReason,
  maxRetries: number | null = null,
  pause: 'backoff' | 'quarter_hour' = 'backoff',
): Remedy => ({ kind: 'retry', reason, pause, maxRetries });

/** Twilio's error codes and what follows from each (twilio.com/docs/api/errors). */
export const remedies: ReadonlyMap<number, Remedy> = new Map<number, Remedy>([
  [20003, { kind: 'stop_sender', reason: 'provider_authentication' }],
  [20429, { kind: 'slow_down', reason: 'too_many_requests' }],
  [21211, final('invalid_number')],
  [21614, final('invalid_number')],
  [21408, final('region_not_enabled', { alert: true })],
  [21610, final('opted_out', { effect: 'opt_out' })],
  [21611, retry('queue_full')],
  [30001, retry('queue_full')],
  [30003, retry('handset_unreachable', 2)],
  [30004, final('blocked_by_carrier')],
  [30005, final('undeliverable_number', { effect: 'undeliverable' })],
  [30006, final('undeliverable_number', { effect: 'undeliverable' })],
  [30007, final('filtered', { alert: true })],
  [30008, retry('unknown_error', 1)],
  [30022, { kind: 'slow_down', reason: 'rate_limited' }],
  [30023, { kind: 'next_day', reason: 'daily_cap' }],
  [30027, { kind: 'next_day', reason: 'daily_cap' }],
  [63038, { kind: 'next_day', reason: 'daily_cap' }],
  [30032, { kind: 'stop_sender', reason: 'sender_not_registered' }],
  [30034, { kind: 'stop_sender', reason: 'sender_not_registered' }],
  // Ours: the text was held longer than we had said that it is worth anything.
  [30036, final('validity_over')],
  [30410, retry('provider_timeout')],
  // A prefix can stay blocked for half a day: a code is given up at once, for it would come too late.
  [30450, retry('blocked_as_pumping', null, 'quarter_hour')],
  [30453, final('blocked_as_fraud')],
  [30454, final('blocked_as_fraud')],
  [30500, retry('provider_internal_error', 1)],
]);

/** What Twilio charges for a text that it took and then failed, however long it was: dollars. */
const failureFeeUsd = '0.001';

/** Failures that it charges nothing for (help.twilio.com, "Failed Message Processing Fees", since 2024-09-30). */
const freeFailures: ReadonlySet<number> = new Set([
  12400, 20500, 20504, 30103, 30500, 63010, 63012, 30036, 30002, 30454, 63038, 90010, 30450, 21408, 63013,
  63018, 63021, 63024, 63032, 30008,
]);

/**
 * What a text costs that ended in this state, in dollars, as long as the provider has not said so: a canceled one
 * nothing, a failed one the fee, by its error. Null: its estimated price, as for every text that a carrier was given.
 */
export function feeOf(status: string, code: number | null): { usd: string | null } | null {
  if (status === 'canceled') return { usd: null };
  if (status !== 'failed') return null;
  return { usd: code !== null && freeFailures.has(code) ? null : failureFeeUsd };
}

/**
 * What to do about an error of the provider: by its code where the table knows it, else by the HTTP status. What nobody
 * has classified is final and alerts, so that no text is repeated for ever for an error that repeating cannot cure.
 */
export function findRemedy({ code, httpStatus }: { code: number | null; httpStatus: number | null }): Remedy {
  const known = code === null ? undefined : remedies.get(code);
  if (known) return known;
  if (httpStatus === 401) return { kind: 'stop_sender', reason: 'provider_authentication' };
  if (httpStatus === 429) return { kind: 'slow_down', reason: 'too_many_requests' };
  return final('provider_refused', { alert: true });
}

/** A sender that was stopped tries again after this long: an operator may have mended it meanwhile. */
export const senderRestMs = 60_000;

/** The same where each try is paid for: the provider takes the text, and no carrier does. */
export const paidSenderRestMs = 15 * 60_000;

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
