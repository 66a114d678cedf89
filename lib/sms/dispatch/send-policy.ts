import type { MessageDetails, MessagePurpose } from '@/db/schema/sms';
import type { ConsentScope } from '@/db/schema/consent';
import type { Env } from '@/lib/env';
import type { PolicyFacts } from './send-policy-facts';
import { isOptedOut } from '@/lib/sms/numbers/opted-out';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readUndeliverable, type NumberRow } from '@/lib/sms/numbers/number';
import { senderOf } from '@/lib/sms/senders/sender';
import { candidateZones } from '@/lib/phone/zones';
import { parsePhone, textedKinds, type KindRefusal, type PhoneRefusal } from '@/lib/phone/parse';
import { wantsTemplate } from '@/lib/sms/preferences/preferences';
import {
  defaultQuietWindow,
  nextAllowedInstant,
  nextQuietInstant,
  type QuietWindow,
} from '@/lib/sms/preferences/quiet-hours';
import { isCodeOpen, renderBody } from './render-body';

/** Why a text does not go out; each comes with `details`: the rule's value and limit, where it has them. */
export type PolicyReason =
  | 'challenge_closed'
  | 'expired'
  | 'stopped'
  | 'undeliverable'
  | 'no_account'
  | 'account_deactivated'
  | 'no_consent'
  | 'not_verified'
  | 'out_of_service'
  | 'dead_number'
  | 'turned_off'
  | 'country_not_served'
  | KindRefusal
  | 'not_valid'
  | 'quiet_hours';

/** Never again: `failed`, or `canceled` when what it was for is over. */
type Refusal = {
  answer: 'refuse';
  status: 'failed' | 'canceled';
  reason: PolicyReason;
  details: MessageDetails | null;
};

/** Not now: asked again at that moment. */
type Hold = {
  answer: 'hold';
  reason: 'quiet_hours';
  until: Date;
  suitsAll: boolean;
  details: MessageDetails;
};

export type PolicyAnswer = { answer: 'send'; body: string; validitySeconds: number | null } | Refusal | Hold;

/** The rules, by what each is about; `rules` has them in the order in which they are asked. */
export type PolicyRule =
  | 'life'
  | 'challenge'
  | 'number'
  | 'opt_out'
  | 'carrier'
  | 'account'
  | 'account_open'
  | 'consent'
  | 'holder'
  | 'fresh_proof'
  | 'wish'
  | 'quiet_hours';

export type RuleAnswer =
  /** `until`: from when on it would say something else, as far as that is known now. */
  | { answer: 'pass'; details: MessageDetails | null; until: Date | null }
  /** It is no question for such a text. */
  | { answer: 'not_asked' }
  | Refusal
  | Hold;

/** What every rule is asked about. */
type Asked = {
  facts: PolicyFacts;
  now: Date;
  env: Pick<Env, 'smsCountries' | 'smsBackend' | 'twilio' | 'mail'>;
};

/** A text with less life than this would arrive when it is worth nothing. */
export const shortestLifeSeconds = 10;

/** The longest and shortest a provider may hold a text (Twilio's `ValidityPeriod`). */
const validityRange = { shortest: 1, longest: 36_000 };

/**
 * Decides, at the moment of sending, whether a text may go out, and writes its body if so, from facts that were just read:
 * what held when the text was asked for may not hold any more. The budget is not asked here, since it is reserved, not
 * read.
 *
 * A code needs an open challenge, a life that outlasts its way, and consent to codes; it passes quiet hours, for the
 * person has just asked for it. An update needs standing consent to updates, a verified phone that is not in doubt since, and the
 * person's own wish (47 CFR 64.1200); anything else needs consent of either kind. A notice about security that no mail tells of passes quiet
 * hours. No text passes an opt-out.
 *
 * The provider is told how long it may hold what goes out: a code as long as it is worth anything, everything else until
 * the person's next quiet hours begin.
 *
 * @throws for a text that nobody can write, such as one of a template that does not exist
 */
export async function applySendPolicy(
  facts: PolicyFacts,
  { now, env }: { now: Date; env: Asked['env'] },
): Promise<PolicyAnswer> {
  let aliveMs = Infinity;
  for (const { ask } of rules) {
    const answer = await ask({ facts, now, env });
    if (answer.answer === 'refuse' || answer.answer === 'hold') return answer;
    if (answer.answer === 'pass' && answer.until !== null) {
      aliveMs = Math.min(aliveMs, answer.until.getTime() - now.getTime());
    }
  }
  return send(renderBody(facts, now), aliveMs);
}

/** Asks every rule of the send policy, also those after one that says no: to explain, not to decide. */
export async function explainSendPolicy(
  facts: PolicyFacts,
  { now, env }: { now: Date; env: Asked['env'] },
): Promise<{ rule: PolicyRule; answer: RuleAnswer }[]> {
  return Promise.all(rules.map(async ({ rule, ask }) => ({ rule, answer: await ask({ facts, now, env }) })));
}

const rules: readonly { rule: PolicyRule; ask: (asked: Asked) => RuleAnswer | Promise<RuleAnswer> }[] = [
  { rule: 'life', ask: askLife },
  { rule: 'challenge', ask: askChallenge },
  { rule: 'number', ask: askNumber },
  { rule: 'opt_out', ask: askOptOut },
  { rule: 'carrier', ask: askCarrier },
  { rule: 'account', ask: askAccount },
  { rule: 'account_open', ask: askAccountOpen },
  { rule: 'consent', ask: askConsent },
  { rule: 'holder', ask: askHolder },
  { rule: 'fresh_proof', ask: askFreshProof },
  { rule: 'wish', ask: askWish },
  { rule: 'quiet_hours', ask: askQuietHours },
];

/** The names of the rules, in the order in which they are asked. */
export const policyRules: readonly PolicyRule[] = rules.map(({ rule }) => rule);

/** Which rule says no for a reason; null: none of the send policy. */
export function ruleOf(reason: string): PolicyRule | null {
  return Object.hasOwn(ruleOfReason, reason) ? ruleOfReason[reason as PolicyReason] : null;
}

const ruleOfReason: Record<PolicyReason, PolicyRule> = {
  expired: 'life',
  challenge_closed: 'challenge',
  country_not_served: 'number',
  premium: 'number',
  toll_free: 'number',
  landline: 'number',
  not_mobile: 'number',
  not_valid: 'number',
  stopped: 'opt_out',
  undeliverable: 'carrier',
  no_account: 'account',
  account_deactivated: 'account_open',
  no_consent: 'consent',
  not_verified: 'holder',
  out_of_service: 'fresh_proof',
  dead_number: 'fresh_proof',
  turned_off: 'wish',
  quiet_hours: 'quiet_hours',
};

function askLife({ facts: { message }, now }: Asked): RuleAnswer {
  const { expiresAt } = message;
  if (expiresAt === null) return notAsked;
  const details = { expiresAt: expiresAt.toISOString(), shortestLifeSeconds };
  const isTooShort = expiresAt.getTime() - now.getTime() < shortestLifeSeconds * 1000;
  return isTooShort ? refuse('expired', details) : pass(details, expiresAt);
}

function askChallenge({ facts, now }: Asked): RuleAnswer {
  if (facts.message.purpose !== 'verification') return notAsked;
  return isCodeOpen(facts, now) ? pass() : refuse('challenge_closed', null, 'canceled');
}

function askNumber({ facts: { message }, env }: Asked): RuleAnswer {
  const allowed = parsePhone(message.phone, {
    countries: env.smsCountries,
    fictional: env.smsBackend === 'console',
  });
  if (allowed.ok) {
    const { country } = allowed.value;
    return pass({ rule: 'SMS_COUNTRIES', limit: env.smsCountries.join(','), value: country });
  }
  const reason = refusedNumbers[allowed.reason] ?? 'not_valid';
  const isCountry = reason === 'country_not_served';
  return refuse(reason, {
    rule: isCountry ? 'SMS_COUNTRIES' : 'kind_of_number',
    limit: (isCountry ? env.smsCountries : textedKinds).join(','),
    value: allowed.reason,
  });
}

function askOptOut({ facts: { number, message }, env }: Asked): RuleAnswer {
  const stop = explainStop(number, message.purpose, env);
  return stop === null ? pass() : refuse('stopped', stop);
}

function askCarrier({ facts: { number }, now }: Asked): RuleAnswer {
  const undeliverable = readUndeliverable(number, now);
  return undeliverable ? refuse('undeliverable', { until: undeliverable.until.toISOString() }) : pass();
}

function askAccount({ facts: { message, emailKey } }: Asked): RuleAnswer {
  return message.userId === null || emailKey === null ? refuse('no_account', null) : pass();
}

function askAccountOpen({ facts: { deactivated } }: Asked): RuleAnswer {
  return deactivated ? refuse('account_deactivated', null, 'canceled') : pass();
}

function askConsent({ facts }: Asked): RuleAnswer {
  const { message, consents, endedWithNumber } = facts;
  const { purpose } = message;
  const mayConsent: readonly ConsentScope[] =
    purpose === 'verification'
      ? ['verification']
      : purpose === 'update'
        ? ['updates']
        : ['updates', 'verification'];
  const isLastNotice = purpose === 'notice' && endedWithNumber && !isForHolder(facts);
  const details = { scope: mayConsent.join(' or ') };
  return isLastNotice || mayConsent.some((scope) => consents.has(scope))
    ? pass(details)
    : refuse('no_consent', details);
}

function askHolder({ facts }: Asked): RuleAnswer {
  if (!isForHolder(facts)) return notAsked;
  return facts.number?.holderUserId === facts.message.userId ? pass() : refuse('not_verified', null);
}

function askFreshProof(asked: Asked): RuleAnswer {
  if (!isForHolder(asked.facts)) return notAsked;
  const doubt = readDoubt(asked.facts.number);
  if (doubt === null) return pass();
  if (doubt.reason === 'out_of_service') return refuse(doubt.reason, { on: doubt.on });
  const { since } = doubt;
  return refuse(doubt.reason, Number.isNaN(since.getTime()) ? null : { since: since.toISOString() });
}

function askWish({ facts: { message, preferences } }: Asked): RuleAnswer {
  if (message.purpose !== 'update') return notAsked;
  return wantsTemplate(preferences, message.template) ? pass() : refuse('turned_off', null);
}

async function askQuietHours({ facts, now, env }: Asked): Promise<RuleAnswer> {
  const { message, preferences } = facts;
  if (message.purpose === 'verification' || isUrgent(facts, env)) return notAsked;
  const window = preferences
    ? preferences.quietHoursEnabled
      ? { start: preferences.quietHoursStart, end: preferences.quietHoursEnd }
      : null
    : defaultQuietWindow;
  if (window === null) return pass();
  const zones = preferences?.timeZone ? [preferences.timeZone] : await candidateZones(message.phone);
  const { at, suitsAll, quietAt } = findArrival({ now, window, zones });
  const said = { window: `${window.start}-${window.end}`, zones: zones.join(',') };
  if (at <= now) return pass(said, quietAt);
  const details = { ...said, until: at.toISOString() };
  return { answer: 'hold', reason: 'quiet_hours', until: at, suitsAll, details };
}

/** Whether it is for nobody but who holds the number: an update, or a link that replaces a second factor. */
function isForHolder({ message }: PolicyFacts): boolean {
  return message.purpose === 'update' || message.template === 'resetFactors';
}

type Arrival = { at: Date; suitsAll: boolean; quietAt: Date | null };

/** Texts that are asked about at the same moment share few windows and zones, and each answer takes a while. */
let arrivals: { nowMs: number; answers: Map<string, Arrival> } = { nowMs: NaN, answers: new Map() };

function findArrival(quiet: { now: Date; window: QuietWindow; zones: readonly string[] }): Arrival {
  const { now, window, zones } = quiet;
  if (arrivals.nowMs !== now.getTime()) arrivals = { nowMs: now.getTime(), answers: new Map() };
  const { answers } = arrivals;
  const key = `${window.start} ${window.end} ${zones.join(' ')}`;
  const arrival = answers.get(key) ?? computeArrival(quiet);
  answers.set(key, arrival);
  return arrival;
}

/**
 * When a text may arrive, and when the quiet hours begin after that. So shortly before them that it would not get through
 * any more, it waits until they are over.
 */
function computeArrival(quiet: { now: Date; window: QuietWindow; zones: readonly string[] }): Arrival {
  const { at, suitsAll } = nextAllowedInstant(quiet);
  const quietAt = nextQuietInstant({ ...quiet, now: at });
  const isTooShort = quietAt !== null && quietAt.getTime() - at.getTime() < shortestLifeSeconds * 1000;
  if (at > quiet.now || !isTooShort) return { at, suitsAll, quietAt };
  const next = nextAllowedInstant({ ...quiet, now: quietAt });
  // Where nothing suits all zones, the moment at hand may still be the best there is.
  return next.at > quietAt ? { ...next, quietAt: null } : { at, suitsAll, quietAt };
}

/** Whether a text tells of someone's account what no mail tells them: at three in the morning there is still time to undo it. */
function isUrgent({ message, emailProven }: PolicyFacts, { mail }: Pick<Env, 'mail'>): boolean {
  const isReachedByMail = emailProven && mail.via !== 'off';
  return message.purpose === 'notice' && !isReachedByMail;
}

/** Since when and by what a number takes no texts of a purpose, of the sender that sends them; null: it takes them. A moment that is none is not known. */
export function explainStop(
  number: NumberRow | null,
  purpose: MessagePurpose,
  settings: Pick<Env, 'twilio'>,
): MessageDetails | null {
  const since = number?.suppressedAt;
  if (!since || !isOptedOut(number, purpose, settings)) return null;
  const later = number.suppressedLater?.[senderOf(settings, purpose)];
  if (later) return { since: later.at, by: later.by };
  return { since: Number.isNaN(since.getTime()) ? null : since.toISOString(), by: number.suppressedBy };
}

const refusedNumbers: Partial<Record<PhoneRefusal, PolicyReason>> = {
  country_not_served: 'country_not_served',
  premium: 'premium',
  toll_free: 'toll_free',
  landline: 'landline',
  not_mobile: 'not_mobile',
};

const notAsked: RuleAnswer = { answer: 'not_asked' };

function pass(details: MessageDetails | null = null, until: Date | null = null): RuleAnswer {
  return { answer: 'pass', details, until };
}

function refuse(
  reason: PolicyReason,
  details: MessageDetails | null,
  status: 'failed' | 'canceled' = 'failed',
): RuleAnswer {
  return { answer: 'refuse', status, reason, details };
}

function send(body: string, aliveMs: number): PolicyAnswer {
  const seconds = aliveMs === Infinity ? null : Math.floor(aliveMs / 1000);
  const { shortest, longest } = validityRange;
  return {
    answer: 'send',
    body,
    validitySeconds: seconds === null ? null : Math.min(longest, Math.max(shortest, seconds)),
  };
}
