import { z } from 'zod';
import { toGsm } from './segments';

/** What a code is for, where it is not for proving a number: whoever gets it is to know what it opens. */
type CodeUse = 'recovery';

/** Texts of one of our senders, where those of the other stay stopped. */
type LiftedTexts = 'updates' | 'codes';

/**
 * What each text is filled in with, besides `site`, the name it speaks in. Everything here may be stored in the outbox, except
 * `code`, which is derived again.
 */
export interface TemplateParams {
  /** `host` is the host name of the public address, without port: WebOTP and iOS bind the code to it. */
  verification: { code: string; ttlMinutes: number; host: string; use?: CodeUse };
  /** The first text after opting in. */
  optInConfirmation: Record<never, never>;
  /** To the old number, once another has taken its place. */
  phoneChanged: { url: string };
  /** There is news about an application: never which, so that texts about good and bad news read the same. */
  applicationStatus: { url: string };
  /** Something is asked for. */
  documentsNeeded: { url: string };
  /** It was asked for some days ago. */
  documentsReminder: { url: string };
  securityNotice: { event: string; url: string };
  /** Asks whether someone lost their second factor. `url` has the token of the link when it goes out, and none in the record. */
  resetFactors: { url: string };
  test: Record<never, never>;
  stopConfirmation: Record<never, never>;
  /** Of a STOP to the sender of updates, beside which there is one of codes. */
  stopUpdatesConfirmation: Record<never, never>;
  /** `lifts`: the only texts that are allowed again; without it, all are. */
  startConfirmation: { url: string; lifts?: LiftedTexts };
  help: { url: string };
  /** What someone texted us joined their application. */
  answerTaken: { url: string };
  /** What someone texted us joined none of their applications, of which there are several. */
  answerUnclear: { url: string };
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

/** What a START to one of two senders has not taken back, and where to. */
function sayStaying(lifts: LiftedTexts | undefined): string {
  if (lifts === undefined) return '';
  const stays = lifts === 'updates' ? 'Codes' : 'Updates';
  return `${stays} stay off until you text START to their number. `;
}

// How each begins is also in lib/consent/reaction.ts, which tells a quotation of ours from the words of its writer.
const templates: { [Name in TemplateName]: (params: TemplateParams[Name] & { site: string }) => string } = {
  verification: ({ site, code, ttlMinutes, host, use }) => {
    const what =
      use === 'recovery' ? `resets your ${site} password. Expires` : `is your ${site} code. It expires`;
    const minutes = `${ttlMinutes} ${ttlMinutes === 1 ? 'minute' : 'minutes'}`;
    return `${code} ${what} in ${minutes}. Don't share it.\n\n@${host.replace(/:\d+$/, '')} #${code}`;
  },
  optInConfirmation: ({ site }) =>
    `${site}: you will get updates about your application. Msg frequency varies. Msg & data rates may apply. Reply HELP for help, STOP to opt out.`,
  phoneChanged: ({ site, url }) =>
    `${site}: this number was taken off your account and another put in its place. ${objection(site)} ${url}`,
  // Phones are shared: no text about an application has a name, a title, an outcome, money or urgency in it.
  applicationStatus: ({ site, url }) =>
    `${site}: there is news about your application. Read it at ${url} Reply STOP to opt out.`,
  documentsNeeded: ({ site, url }) =>
    `${site}: something is needed for your application. Read what at ${url} Reply STOP to opt out.`,
  documentsReminder: ({ site, url }) =>
    `${site}: something is still needed for your application. Read what at ${url} Reply STOP to opt out.`,
  securityNotice: ({ site, event, url }) => `${site} security: ${insert(event)}. ${objection(site)} ${url}`,
  resetFactors: ({ site, url }) => {
    const doubt = site.length > firstSiteName.length ? 'tell us now' : 'tell an admin right away';
    return `${site} security: an admin was told that you lost your second factor. If not, ${doubt}. If so, replace it with your password within 24 hours: ${url}`;
  },
  test: ({ site }) =>
    `${site}: this is the test text you asked for. Texts reach this number. Reply STOP to opt out.`,
  stopConfirmation: ({ site }) =>
    `${site}: you have opted out and will get no more texts from us. Reply START to allow them again.`,
  stopUpdatesConfirmation: ({ site }) =>
    `${site}: updates are off, as you asked. Codes still come when you ask for one. Reply STOPALL to end those, too, START to get updates again.`,
  startConfirmation: ({ site, url, lifts }) =>
    `${site}: ${lifts ?? 'texts'} to this number are allowed again. ${sayStaying(lifts)}Choose which ones at ${url} Msg & data rates may apply. Reply HELP for help, STOP to opt out.`,
  answerTaken: ({ site, url }) =>
    `${site}: your text was added to your application. We read and answer messages at ${url} Reply STOP to opt out.`,
  answerUnclear: ({ site, url }) =>
    `${site}: we cannot tell which of your applications your text is about. Open the one you mean at ${url} Reply STOP to opt out.`,
  help: ({ site, url }) =>
    `${site}: codes you ask for and updates about your application. Help: ${url} Msg frequency varies. Msg & data rates may apply. Reply STOP to opt out.`,
};

/** A template with what it is filled in with, and the name it speaks in, which belong together. */
export type FilledText<Name extends TemplateName = Exclude<TemplateName, 'verification' | 'resetFactors'>> = {
  [Each in Name]: { template: Each; params: TemplateParams[Each] & { site?: string } };
}[Name];

/** The same as a row of the outbox keeps it: of a code, only the host and what it is for; of a link, what its token is derived from. */
export type StoredText =
  | FilledText
  | { template: 'verification'; params: { host: string; site?: string; use?: CodeUse } }
  | { template: 'resetFactors'; params: { url: string; site?: string; linkId: string; linkNonce: string } };

const site = z.string().optional().catch(undefined);
const url = z.string();
const codeUse = z.literal('recovery').optional().catch(undefined);
const liftedTexts = z.literal(['updates', 'codes']).optional().catch(undefined);
const storedText = z.discriminatedUnion('template', [
  z.object({
    template: z.literal(['optInConfirmation', 'test', 'stopConfirmation', 'stopUpdatesConfirmation']),
    params: z.object({ site }),
  }),
  z.object({
    template: z.literal([
      'phoneChanged',
      'help',
      'answerTaken',
      'answerUnclear',
      'applicationStatus',
      'documentsNeeded',
      'documentsReminder',
    ]),
    params: z.object({ site, url }),
  }),
  z.object({ template: z.literal('startConfirmation'), params: z.object({ site, url, lifts: liftedTexts }) }),
  z.object({ template: z.literal('securityNotice'), params: z.object({ site, url, event: z.string() }) }),
  z.object({
    template: z.literal('verification'),
    params: z.object({ site, host: z.string(), use: codeUse }),
  }),
  z.object({
    template: z.literal('resetFactors'),
    params: z.object({ site, url, linkId: z.string(), linkNonce: z.string() }),
  }),
]);

/**
 * Reads a text's row, which an earlier version may have left: null where the template is none of ours any more, or what it
 * is filled in with is missing.
 */
export function readStoredText(template: string, params: unknown): StoredText | null {
  const read = storedText.safeParse({ template, params: { ...Object(params) } });
  return read.success ? read.data : null;
}

/** Writes a text out of its row, a link without its token; null where it cannot be read, and for a code, whose text needs more. */
export function renderStoredText(template: string, params: unknown): { body: string } | null {
  const text = readStoredText(template, params);
  if (text === null || text.template === 'verification') return null;
  return text.template === 'resetFactors' ? renderText(text.template, text.params) : renderFilled(text);
}

/** The same as `renderText`, of the two together. */
export function renderFilled<Name extends TemplateName>(text: FilledText<Name>): { body: string } {
  return renderText<Name>(text.template, text.params);
}

/** The name that a text speaks in, as its row keeps it: what the site is called by now changes no text of before. */
export function readSiteName(params: unknown): string {
  return readStoredParam(params, 'site') || firstSiteName;
}

/** What a code is for, as its row says. */
export function readCodeUse(params: unknown): CodeUse | undefined {
  return readStoredParam(params, 'use') === 'recovery' ? 'recovery' : undefined;
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
