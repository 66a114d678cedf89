import { toGsm } from './segments';

/**
 * What each text is filled in with, besides `site`, the name it speaks in. Everything here may be stored in the outbox, except
 * `code`, which is derived again.
 */
export interface TemplateParams {
  /** `host` is the host name of the public address, without port: WebOTP and iOS bind the code to it. */
  verification: { code: string; ttlMinutes: number; host: string };
  /** The first text after opting in. */
  optInConfirmation: Record<string, never>;
  /** To the old number, once another has taken its place. */
  phoneChanged: { url: string };
  applicationStatus: { title: string; status: string; url: string };
  securityNotice: { event: string; url: string };
  test: Record<string, never>;
  stopConfirmation: Record<string, never>;
  startConfirmation: { url: string };
  help: { url: string };
}

export type TemplateName = keyof TemplateParams;

const longestInsert = 60;

/** What the site was called while rows did not say it yet. */
const firstSiteName = 'Doorstep';

/** What a provider takes (Twilio error 21617), and what can be counted in no time. */
const longestBody = 1_600;

/** Keeps text from outside on one line and short, so that it cannot pass for another part of the message. */
function insert(text: string): string {
  const line = text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  const points = [...line];
  return points.length <= longestInsert
    ? line
    : `${points
        .slice(0, longestInsert - 3)
        .join('')
        .trimEnd()}...`;
}

/** A name that is longer than the first one makes up for it here, so that it costs no segment more. */
function objection(site: string): string {
  return site.length > firstSiteName.length ? 'Not you? See' : 'If it was not you, go to';
}

const templates: { [Name in TemplateName]: (params: TemplateParams[Name] & { site: string }) => string } = {
  verification: ({ site, code, ttlMinutes, host }) =>
    `${code} is your ${site} code. It expires in ${ttlMinutes} ${ttlMinutes === 1 ? 'minute' : 'minutes'}. Don't share it.\n\n@${host.replace(/:\d+$/, '')} #${code}`,
  optInConfirmation: ({ site }) =>
    `${site}: you will get updates about your application. Msg frequency varies. Msg & data rates may apply. Reply HELP for help, STOP to opt out.`,
  phoneChanged: ({ site, url }) =>
    `${site}: this number was taken off your account and another put in its place. ${objection(site)} ${url}`,
  applicationStatus: ({ site, title, status, url }) =>
    `${site}: ${insert(title)} is now: ${insert(status)}. See ${url} Reply STOP to opt out.`,
  securityNotice: ({ site, event, url }) => `${site} security: ${insert(event)}. ${objection(site)} ${url}`,
  test: ({ site }) =>
    `${site}: this is the test text you asked for. Texts reach this number. Reply STOP to opt out.`,
  stopConfirmation: ({ site }) =>
    `${site}: you have opted out and will get no more texts from us. Reply START to allow them again.`,
  startConfirmation: ({ site, url }) =>
    `${site}: texts to this number are allowed again. Choose which ones at ${url} Msg & data rates may apply. Reply HELP for help, STOP to opt out.`,
  help: ({ site, url }) =>
    `${site}: codes you ask for and updates about your application. Help: ${url} Msg frequency varies. Msg & data rates may apply. Reply STOP to opt out.`,
};

/** What a template takes out of its row. A code is never stored, and so its text is written from more than that. */
const storedParams: {
  [Name in Exclude<TemplateName, 'verification'>]: readonly (keyof TemplateParams[Name])[];
} = {
  optInConfirmation: [],
  phoneChanged: ['url'],
  applicationStatus: ['title', 'status', 'url'],
  securityNotice: ['event', 'url'],
  test: [],
  stopConfirmation: [],
  startConfirmation: ['url'],
  help: ['url'],
};

/**
 * Writes a text out of its row, which an earlier version may have left: null where the template is none of ours any more,
 * or what it is filled in with is missing.
 */
export function renderStoredText(template: string, params: unknown): { body: string } | null {
  if (!Object.hasOwn(storedParams, template)) return null;
  const name = template as keyof typeof storedParams;
  const filled = storedParams[name].map((param) => [param, readStoredParam(params, param)] as const);
  if (filled.some(([, value]) => value === null)) return null;
  return renderText(name, { ...Object.fromEntries(filled), site: readSiteName(params) } as never);
}

/** The name that a text speaks in, as its row keeps it: what the site is called by now changes no text of before. */
export function readSiteName(params: unknown): string {
  return readStoredParam(params, 'site') || firstSiteName;
}

/** One of the parameters in a text's row; null where it is missing or no text. */
export function readStoredParam(params: unknown, name: string): string | null {
  const fields = Object(params) as Record<string, unknown>;
  const value = Object.hasOwn(fields, name) ? fields[name] : null;
  return typeof value === 'string' ? value : null;
}

/**
 * Writes a text. The body is repaired to GSM-7 where it can be.
 *
 * A verification text has its code as the only run of six digits in its first line, and ends in the line `@host #code`
 * (the origin-bound one-time code format, wicg.github.io/sms-one-time-codes); with a host of up to 60 characters it fits
 * one segment. The one-off answers to STOP, START and HELP carry what CTIA's Messaging Principles ask for.
 *
 * @throws RangeError for a text that is longer than any provider takes
 */
export function renderText<Name extends TemplateName>(
  template: Name,
  params: TemplateParams[Name] & { site?: string },
): { body: string } {
  const body = templates[template]({ ...params, site: readSiteName(params) });
  if (body.length > longestBody) throw new RangeError(`A text has at most ${longestBody} characters`);
  return { body: toGsm(body) };
}
