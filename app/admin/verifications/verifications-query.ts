import { readKeyset } from '@/lib/reporting/keyset';
import { openSubject } from '@/lib/reporting/message-subject';
import type { VerificationsQuery } from '@/lib/reporting/verifications-page';

export const verificationsPath = '/admin/verifications';

const names = ['about', 'attempts', 'before'] as const;

/** The parameters of the page's links; everything else is ignored. */
export type VerificationsParameters = Partial<Record<(typeof names)[number], string>>;

/** Takes the parameters out of a page's search parameters, each once. */
export function pickVerificationsParameters(
  search: Record<string, string | string[] | undefined>,
): VerificationsParameters {
  const picked: VerificationsParameters = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === 'string' && value !== '') picked[name] = value;
  }
  return picked;
}

/** What the parameters ask for; one that was not written by our own links asks for nothing. */
export function readVerificationsQuery(parameters: VerificationsParameters): VerificationsQuery {
  return {
    subject: openSubject(parameters.about),
    failuresOnly: parameters.attempts === 'failures',
    before: readKeyset(parameters.before, 'number'),
  };
}

/** A link to the list with these parameters. */
export function linkToVerifications(parameters: VerificationsParameters): string {
  const query = new URLSearchParams(
    names.flatMap((name) => (parameters[name] ? [[name, parameters[name]]] : [])),
  );
  return `${verificationsPath}${query.size > 0 ? `?${query}` : ''}`;
}
