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

/** Whether an error says that nobody was found at the number: what a number is in doubt by, once it is said often. */
export function isDead({ reason }: Remedy): boolean {
  return deadReasons.has(reason);
}

const deadReasons: ReadonlySet<ProviderReason> = new Set([
  'invalid_number',
  'handset_unreachable',
  'undeliverable_number',
]);

/** What Twilio charges for a text that it took and then failed, however long it was: dollars. */
export const failureFeeUsd = '0.001';

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
