import { readKeyset } from '@/lib/reporting/keyset';
import { openNumberFilter } from '@/lib/reporting/number-filter';
import type { SmsOverviewQuery } from '@/lib/reporting/sms-overview';
import type { SeenText } from '@/lib/reporting/sms-texts';

export const overviewPath = '/admin/sms';

/** The parameters of the page's links; everything else is ignored. */
export type OverviewParameters = Partial<
  Record<'number' | 'status' | 'attempts' | 'before' | 'attemptsBefore', string>
>;

const names = ['number', 'status', 'attempts', 'before', 'attemptsBefore'] as const;

export const statuses: Record<SeenText['status'], string> = {
  queued: 'Queued',
  sending: 'Sending',
  sent: 'Sent',
  delivered: 'Delivered',
  failed: 'Failed',
  canceled: 'Canceled',
  received: 'Received',
};

/** Takes the parameters out of a page's search parameters, each once. */
export function pickParameters(search: Record<string, string | string[] | undefined>): OverviewParameters {
  const picked: OverviewParameters = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === 'string' && value !== '') picked[name] = value;
  }
  return picked;
}

/** What the parameters ask for; one that was not written by our own links asks for nothing. */
export function readOverviewQuery(parameters: OverviewParameters): SmsOverviewQuery {
  return {
    number: openNumberFilter(parameters.number),
    status: readStatus(parameters.status),
    failuresOnly: parameters.attempts === 'failures',
    textsBefore: readKeyset(parameters.before, 'uuid'),
    attemptsBefore: readKeyset(parameters.attemptsBefore, 'number'),
  };
}

export function readStatus(status: unknown): SeenText['status'] | null {
  return Object.keys(statuses).find((known): known is SeenText['status'] => known === status) ?? null;
}

/** A link to the page with these parameters, to one of its parts. */
export function linkToOverview(parameters: OverviewParameters, part?: 'texts' | 'attempts'): string {
  const query = new URLSearchParams(
    names.flatMap((name) => (parameters[name] ? [[name, parameters[name]]] : [])),
  );
  return `${overviewPath}${query.size > 0 ? `?${query}` : ''}${part ? `#${part}` : ''}`;
}
