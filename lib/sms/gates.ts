import type { MessageDetails } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { endedWithNumber, hasConsent } from '@/lib/consent/ledger';
import type { Env } from '@/lib/env';
import { readOpenCode } from './challenge';
import { readNumber, readUndeliverable, type NumberRow } from './number';
import { candidateZones } from './number-zones';
import type { Message } from './outbox';
import { parsePhone } from './phone';
import { readPreferences, wantsTemplate } from './preferences';
import { defaultQuietWindow, nextAllowedInstant } from './quiet-hours';
import { renderText, type TemplateName, type TemplateParams } from './templates';

/** Why a text does not go out; each comes with `details`: the rule's value and limit, where it has them. */
export type GateReason =
  | 'challenge_closed'
  | 'expired'
  | 'stopped'
  | 'undeliverable'
  | 'no_account'
  | 'no_consent'
  | 'not_verified'
  | 'turned_off'
  | 'country_not_served'
  | 'premium'
  | 'toll_free'
  | 'not_valid'
  | 'quiet_hours';

export type GateAnswer =
  | { answer: 'send'; body: string; validitySeconds: number | null }
  /** Never again: `failed`, or `canceled` when what it was for is over. */
  | { answer: 'refuse'; status: 'failed' | 'canceled'; reason: GateReason; details: MessageDetails | null }
  /** Not now: asked again at that moment. */
  | { answer: 'hold'; reason: 'quiet_hours'; until: Date; suitsAll: boolean; details: MessageDetails };

/** A text with less life than this would arrive when it is worth nothing. */
export const shortestLifeSeconds = 10;

/** The longest and shortest a provider may hold a text (Twilio's `ValidityPeriod`). */
const validityRange = { shortest: 1, longest: 36_000 };

/**
 * Asks, at the moment of sending, whether a text may go out, and writes its body if so. Everything is read anew: what held
 * when the text was asked for may not hold any more. The budget is not asked here, since it is reserved, not read.
 *
 * A code needs an open challenge, a life that outlasts its way, and consent to codes; it passes quiet hours, for the
 * person has just asked for it. An update needs standing consent to updates, a verified phone and the person's own wish
 * (47 CFR 64.1200); anything else needs consent of either kind. No text passes an opt-out.
 */
export async function askGates(
  db: Db,
  message: Message,
  { now, env }: { now: Date; env: Pick<Env, 'smsCountries' | 'smsBackend'> },
): Promise<GateAnswer> {
  const { userId, phone, purpose } = message;
  const remainingMs = message.expiresAt === null ? null : message.expiresAt.getTime() - now.getTime();
  if (message.expiresAt !== null && remainingMs !== null && remainingMs < shortestLifeSeconds * 1000) {
    return refuse('expired', { expiresAt: message.expiresAt.toISOString(), shortestLifeSeconds });
  }
  const body = await renderBody(db, message, now);
  if (body === null) return refuse('challenge_closed', null, 'canceled');

  const allowed = parsePhone(phone, { countries: env.smsCountries, fictional: env.smsBackend === 'console' });
  if (!allowed.ok) {
    const reason = refusedNumbers[allowed.reason] ?? 'not_valid';
    return refuse(reason, {
      rule: 'SMS_COUNTRIES',
      limit: env.smsCountries.join(','),
      value: allowed.reason,
    });
  }

  const number = await readNumber(db, phone);
  const stop = explainStop(number);
  if (stop !== null) return refuse('stopped', stop);
  const undeliverable = readUndeliverable(number, now);
  if (undeliverable) return refuse('undeliverable', { until: undeliverable.until.toISOString() });

  if (userId === null) return refuse('no_account', null);
  const mayConsent =
    purpose === 'verification'
      ? (['verification'] as const)
      : purpose === 'update'
        ? (['updates'] as const)
        : (['updates', 'verification'] as const);
  const consents = await Promise.all(mayConsent.map((scope) => hasConsent(db, { userId, phone, scope })));
  if (!consents.includes(true)) {
    const lastNotice =
      purpose === 'notice' && (await endedWithNumber(db, { userId, phone, since: message.createdAt }));
    if (!lastNotice) return refuse('no_consent', { scope: mayConsent.join(' or ') });
  }
  if (purpose === 'verification') return send(body, remainingMs);

  const preferences = await readPreferences(db, userId);
  if (purpose === 'update') {
    if (number?.holderUserId !== userId) return refuse('not_verified', null);
    if (!wantsTemplate(preferences, message.template)) return refuse('turned_off', null);
  }

  const window = preferences
    ? preferences.quietHoursEnabled
      ? { start: preferences.quietHoursStart, end: preferences.quietHoursEnd }
      : null
    : defaultQuietWindow;
  if (window !== null) {
    const zones = preferences?.timeZone ? [preferences.timeZone] : await candidateZones(phone);
    const { at, suitsAll } = nextAllowedInstant({ now, window, zones });
    if (at > now) {
      const details = {
        window: `${window.start}-${window.end}`,
        zones: zones.join(','),
        until: at.toISOString(),
      };
      return { answer: 'hold', reason: 'quiet_hours', until: at, suitsAll, details };
    }
  }
  return send(body, remainingMs);
}

/** Since when and by what a number takes no texts; null: it takes them. */
export function explainStop(number: NumberRow | null): MessageDetails | null {
  return number?.suppressedAt ? { since: number.suppressedAt.toISOString(), by: number.suppressedBy } : null;
}

const refusedNumbers: Record<string, GateReason | undefined> = {
  country_not_served: 'country_not_served',
  premium: 'premium',
  toll_free: 'toll_free',
};

/**
 * Writes a text's body as it stands at `now`. A code is derived from its open challenge. Null: the challenge is over, and
 * its code is known to nobody any more.
 */
export async function renderBody(db: Db, message: Message, now: Date): Promise<string | null> {
  if (message.purpose !== 'verification') return render(message.template, message.params);
  const open = message.challengeId === null ? null : await readOpenCode(db, message.challengeId, now);
  if (open === null) return null;
  return renderCode(message, open.code, open.expiresAt, now);
}

/**
 * Whether a body found at the provider is this text's. A code whose challenge is over cannot be derived any more, so then
 * any six digits in its place will do. Providers may put words in front (Twilio's trial accounts do).
 *
 * @param renderedAt when the text was last written, which decides the minutes that it names
 */
export async function bodyMatcher(
  db: Db,
  message: Message,
  { renderedAt, now }: { renderedAt: Date; now: Date },
): Promise<(body: string) => boolean> {
  if (message.purpose !== 'verification') {
    const body = render(message.template, message.params);
    return (found) => found.trimEnd().endsWith(body.trimEnd());
  }
  const open = message.challengeId === null ? null : await readOpenCode(db, message.challengeId, now);
  if (open !== null) {
    const body = renderCode(message, open.code, open.expiresAt, renderedAt);
    return (found) => found.trimEnd().endsWith(body.trimEnd());
  }
  const masked = maskCodes(renderCode(message, '000000', message.expiresAt ?? renderedAt, renderedAt));
  return (found) => maskCodes(found.trimEnd()).endsWith(masked);
}

function maskCodes(body: string): string {
  return body.replace(/\d{6}/g, '######');
}

function renderCode(message: Message, code: string, expiresAt: Date, now: Date): string {
  const minutes = Math.max(1, Math.round((expiresAt.getTime() - now.getTime()) / 60_000));
  return renderText('verification', { code, ttlMinutes: minutes, host: message.params.host ?? '' }).body;
}

function render(template: string, params: Record<string, string>): string {
  return renderText(template as TemplateName, params as never as TemplateParams[TemplateName]).body;
}

function refuse(
  reason: GateReason,
  details: MessageDetails | null,
  status: 'failed' | 'canceled' = 'failed',
): GateAnswer {
  return { answer: 'refuse', status, reason, details };
}

function send(body: string, remainingMs: number | null): GateAnswer {
  const seconds = remainingMs === null ? null : Math.floor(remainingMs / 1000);
  const { shortest, longest } = validityRange;
  return {
    answer: 'send',
    body,
    validitySeconds: seconds === null ? null : Math.min(longest, Math.max(shortest, seconds)),
  };
}
