import { personStates, openPeopleSearch, type PeopleQuery } from '@/lib/reporting/people';
import { roles } from './person-words';

export const peoplePath = '/admin/users';

const names = ['q', 'role', 'state', 'after'] as const;

/** The parameters of the page's links; everything else is ignored. `q` and `after` are sealed. */
export type PeopleParameters = Partial<Record<(typeof names)[number], string>>;

/** Takes the parameters out of a page's search parameters, each once. */
export function pickPeopleParameters(
  search: Record<string, string | string[] | undefined>,
): PeopleParameters {
  const picked: PeopleParameters = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === 'string' && value !== '') picked[name] = value;
  }
  return picked;
}

/** What the parameters ask for; one that was not written by our own links asks for nothing. */
export function readPeopleQuery(parameters: PeopleParameters): PeopleQuery {
  return {
    search: openPeopleSearch(parameters.q),
    role: readRole(parameters.role),
    state: readPersonState(parameters.state),
    after: parameters.after,
  };
}

export function readRole(role: unknown): PeopleQuery['role'] {
  return roles.find(({ value }) => value === role)?.value ?? null;
}

export function readPersonState(state: unknown): PeopleQuery['state'] {
  return personStates.find((known) => known === state) ?? null;
}

export function linkToPeople(parameters: PeopleParameters): string {
  const query = new URLSearchParams(
    names.flatMap((name) => (parameters[name] ? [[name, parameters[name]]] : [])),
  );
  return `${peoplePath}${query.size > 0 ? `?${query}` : ''}`;
}
