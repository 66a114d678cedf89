import { readKeyset } from '@/lib/reporting/keyset';
import type { MessagesQuery } from '@/lib/reporting/messages-page';
import { openSubject } from '@/lib/reporting/message-subject';
import type { SeenText } from '@/lib/reporting/sms-texts';
import { statuses, templates } from './message-words';

export const messagesPath = '/admin/messages';

const names = ['about', 'status', 'template', 'error', 'before'] as const;

/** The parameters of the page's links; everything else is ignored. `about` tells nobody who does not hold our keys whom it is. */
export type MessagesParameters = Partial<Record<(typeof names)[number], string>>;

/** Takes the parameters out of a page's search parameters, each once. */
export function pickMessagesParameters(
  search: Record<string, string | string[] | undefined>,
): MessagesParameters {
  const picked: MessagesParameters = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === 'string' && value !== '') picked[name] = value;
  }
  return picked;
}

/** What the parameters ask for; one that was not written by our own links asks for nothing. */
export function readMessagesQuery(parameters: MessagesParameters): MessagesQuery {
  return {
    subject: openSubject(parameters.about),
    status: readStatus(parameters.status),
    template: readTemplate(parameters.template),
    errorCode: readErrorCode(parameters.error),
    before: readKeyset(parameters.before, 'uuid'),
  };
}

export function readStatus(status: unknown): SeenText['status'] | null {
  return Object.keys(statuses).find((known): known is SeenText['status'] => known === status) ?? null;
}

export function readTemplate(template: unknown): string | null {
  return Object.keys(templates).find((known) => known === template) ?? null;
}

/** An error code as Twilio has them: three to six digits. */
export function readErrorCode(code: unknown): number | null {
  return typeof code === 'string' && /^[1-9][0-9]{2,5}$/.test(code) ? Number(code) : null;
}

/** A link to the list with these parameters. */
export function linkToMessages(parameters: MessagesParameters): string {
  const query = new URLSearchParams(
    names.flatMap((name) => (parameters[name] ? [[name, parameters[name]]] : [])),
  );
  return `${messagesPath}${query.size > 0 ? `?${query}` : ''}`;
}
