import { ages, seenNews, seenStatuses, type ApplicationsQuery } from '@/lib/reporting/applications-list';
import { openPeopleSearch } from '@/lib/reporting/people';
import { isId } from '@/lib/random';

export const applicationsPath = '/staff/applications';

const names = ['q', 'status', 'assignee', 'age', 'news', 'after'] as const;

/** The parameters of the page's links; everything else is ignored. `q` is sealed. */
export type ApplicationsParameters = Partial<Record<(typeof names)[number], string>>;

/** Takes the parameters out of a page's search parameters, each once. */
export function pickApplicationsParameters(
  search: Record<string, string | string[] | undefined>,
): ApplicationsParameters {
  const picked: ApplicationsParameters = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === 'string' && value !== '') picked[name] = value;
  }
  return picked;
}

/** What the parameters ask for; one that means nothing asks for nothing. */
export function readApplicationsQuery(parameters: ApplicationsParameters): ApplicationsQuery {
  const { q, status, assignee, age, news, after } = parameters;
  return {
    search: openPeopleSearch(q),
    status: readSeenStatus(status),
    assignee: readAssignee(assignee),
    ageDays: readAge(age),
    news: readSeenNews(news),
    after,
  };
}

export function readSeenStatus(status: unknown): ApplicationsQuery['status'] {
  return seenStatuses.find((known) => known === status) ?? null;
}

export function readAssignee(assignee: unknown): ApplicationsQuery['assignee'] {
  if (assignee === 'me' || assignee === 'nobody') return assignee;
  return typeof assignee === 'string' && isId(assignee) ? assignee : null;
}

export function readAge(age: unknown): ApplicationsQuery['ageDays'] {
  return ages.find((known) => String(known) === age) ?? null;
}

export function readSeenNews(news: unknown): ApplicationsQuery['news'] {
  return seenNews.find((known) => known === news) ?? null;
}

export function linkToApplications(parameters: ApplicationsParameters): string {
  const query = new URLSearchParams(
    names.flatMap((name) => (parameters[name] ? [[name, parameters[name]]] : [])),
  );
  return `${applicationsPath}${query.size > 0 ? `?${query}` : ''}`;
}
