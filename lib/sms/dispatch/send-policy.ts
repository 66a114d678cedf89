import type { MessageDetails } from '@/db/schema/sms';
import type { ConsentScope } from '@/db/schema/consent';
import type { Env } from '@/lib/env';
import type { PolicyFacts } from './send-policy-facts';
import { readUndeliverable, type NumberRow } from '@/lib/sms/numbers/number';
import { candidateZones } from '@/lib/phone/zones';
import { parsePhone, textedKinds, type KindRefusal, type PhoneRefusal } from '@/lib/phone/parse';
import { wantsTemplate } from '@/lib/sms/preferences/preferences';
import {
  defaultQuietWindow,
  nextAllowedInstant,
  nextQuietInstant,
  type QuietWindow,
} from '@/lib/sms/preferences/quiet-hours';
import { renderBody } from './render-body';

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
  | 'turned_off'
  | 'country_not_served'
  | KindRefusal
  | 'not_valid'
  | 'quiet_hours';

export type PolicyAnswer =
  | { answer: 'send'; body: string; validitySeconds: number | null }
  /** Never again: `failed`, or `canceled` when what it was for is over. */
  | { answer: 'refuse'; status: 'failed' | 'canceled'; reason: PolicyReason; details: MessageDetails | null }
  /** Not now: asked again at that moment. */
  | { answer: 'hold'; reason: 'quiet_hours'; until: Date; suitsAll: boolean; details: MessageDetails };

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
 * person has just asked for it. An update needs standing consent to updates, a verified phone and the person's own wish
 * (47 CFR 64.1200); anything else needs consent of either kind. A notice about security that no mail tells of passes quiet
 * hours. No text passes an opt-out.
 *
 * The provider is told how long it may hold what goes out: a code as long as it is worth anything, everything else until
 * the person's next quiet hours begin.
 *
 * @throws for a text that nobody can write, such as one of a template that does not exist
 */
export async function applySendPolicy(
  facts: PolicyFacts,
  { now, env }: { now: Date; env: Pick<Env, 'smsCountries' | 'smsBackend' | 'mail'> },
): Promise<PolicyAnswer> {
  const { message, number, preferences, consents } = facts;
  const { userId, phone, purpose } = message;
  const remainingMs = message.expiresAt === null ? null : message.expiresAt.getTime() - now.getTime();
  if (message.expiresAt !== null && remainingMs !== null && remainingMs < shortestLifeSeconds * 1000) {
    return refuse('expired', { expiresAt: message.expiresAt.toISOString(), shortestLifeSeconds });
  }
  const body = renderBody(facts, now);
  if (body === null) return refuse('challenge_closed', null, 'canceled');

  const allowed = parsePhone(phone, { countries: env.smsCountries, fictional: env.smsBackend === 'console' });
  if (!allowed.ok) {
    const reason = refusedNumbers[allowed.reason] ?? 'not_valid';
    const isCountry = reason === 'country_not_served';
    return refuse(reason, {
      rule: isCountry ? 'SMS_COUNTRIES' : 'kind_of_number',
      limit: (isCountry ? env.smsCountries : textedKinds).join(','),
      value: allowed.reason,
    });
  }

  const stop = explainStop(number);
  if (stop !== null) return refuse('stopped', stop);
  const undeliverable = readUndeliverable(number, now);
  if (undeliverable) return refuse('undeliverable', { until: undeliverable.until.toISOString() });

  if (userId === null || facts.emailKey === null) return refuse('no_account', null);
  if (facts.deactivated) return refuse('account_deactivated', null, 'canceled');
  const mayConsent: readonly ConsentScope[] =
    purpose === 'verification'
      ? ['verification']
      : purpose === 'update'
        ? ['updates']
        : ['updates', 'verification'];
  // A link that replaces a second factor is for nobody but who holds the number.
  const isForHolder = purpose === 'update' || message.template === 'resetFactors';
  const isLastNotice = purpose === 'notice' && facts.endedWithNumber && !isForHolder;
  if (!mayConsent.some((scope) => consents.has(scope)) && !isLastNotice) {
    return refuse('no_consent', { scope: mayConsent.join(' or ') });
  }
  if (purpose === 'verification') return send(body, remainingMs);

  if (isForHolder && number?.holderUserId !== userId) return refuse('not_verified', null);
  if (purpose === 'update') {
    if (!wantsTemplate(preferences, message.template)) return refuse('turned_off', null);
  }

  if (isUrgent(facts, env)) return send(body, remainingMs);

  const window = preferences
    ? preferences.quietHoursEnabled
      ? { start: preferences.quietHoursStart, end: preferences.quietHoursEnd }
      : null
    : defaultQuietWindow;
  if (window === null) return send(body, remainingMs);
  const zones = preferences?.timeZone ? [preferences.timeZone] : await candidateZones(phone);
  const { at, suitsAll, quietAt } = findArrival({ now, window, zones });
  if (at > now) {
    const details = {
      window: `${window.start}-${window.end}`,
      zones: zones.join(','),
      until: at.toISOString(),
    };
    return { answer: 'hold', reason: 'quiet_hours', until: at, suitsAll, details };
  }
  // The provider may hold a text for hours: not into the quiet hours.
  const untilQuietMs = quietAt === null ? Infinity : quietAt.getTime() - now.getTime();
  const aliveMs = Math.min(remainingMs ?? Infinity, untilQuietMs);
  return send(body, aliveMs === Infinity ? null : aliveMs);
}

/**
 * When a text may arrive, and when the quiet hours begin after that. So shortly before them that it would not get through
 * any more, it waits until they are over.
 */
function findArrival(quiet: { now: Date; window: QuietWindow; zones: readonly string[] }): {
  at: Date;
  suitsAll: boolean;
  quietAt: Date | null;
} {
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

/** Since when and by what a number takes no texts; null: it takes them. */
export function explainStop(number: NumberRow | null): MessageDetails | null {
  return number?.suppressedAt ? { since: number.suppressedAt.toISOString(), by: number.suppressedBy } : null;
}

const refusedNumbers: Partial<Record<PhoneRefusal, PolicyReason>> = {
  country_not_served: 'country_not_served',
  premium: 'premium',
  toll_free: 'toll_free',
  landline: 'landline',
  not_mobile: 'not_mobile',
};

function refuse(
  reason: PolicyReason,
  details: MessageDetails | null,
  status: 'failed' | 'canceled' = 'failed',
): PolicyAnswer {
  return { answer: 'refuse', status, reason, details };
}

function send(body: string, remainingMs: number | null): PolicyAnswer {
  const seconds = remainingMs === null ? null : Math.floor(remainingMs / 1000);
  const { shortest, longest } = validityRange;
  return {
    answer: 'send',
    body,
    validitySeconds: seconds === null ? null : Math.min(longest, Math.max(shortest, seconds)),
  };
}
