import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import { SiteNav } from '@/app/site-nav';
import { PeopleFilterForm } from '@/components/forms/staff/PeopleFilterForm';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Results } from '@/components/ui/lists/Results';
import { Page } from '@/components/ui/Page';
import { Pager } from '@/components/ui/lists/Pager';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readPeoplePage, sayPeopleSearch, type ListedPerson } from '@/lib/reporting/people';
import { searchPeopleAction } from './actions';
import { linkToPeople, peoplePath, pickPeopleParameters, readPeopleQuery } from './people-query';
import { roles, sayRole, sayState, states } from './person-words';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'People' : 'Not allowed' };
}

/** Everyone who has an account, to be searched and narrowed down. Reads only. */
export default async function PeoplePage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const admin = await requireRole(peoplePath, 'admin');
  const parameters = pickPeopleParameters(await searchParams);
  const query = readPeopleQuery(parameters);
  const { people, older, timeZone } = await readPeoplePage(db(), query, admin.userId);
  const clock = { timeZone, now: databaseNow() };
  const { after, ...filters } = parameters;
  const { search, role, state } = query;
  const byName = search !== null && 'text' in search;
  return (
    <Page wide nav={<SiteNav page="/admin/users" />}>
      <HeadingGroup>
        <Heading>People</Heading>
        <Lead>
          Everyone who has an account. <TextLink href="/admin/users/invite">Invite someone</TextLink>{' '}
          <TextLink href="/admin/users/second-factor">Second factors</TextLink>
        </Lead>
      </HeadingGroup>
      <Card label="Search">
        <PeopleFilterForm
          key={linkToPeople(filters)}
          action={searchPeopleAction}
          search={search && sayPeopleSearch(search)}
          shown={search && parameters.q}
          role={role ?? ''}
          roles={roles}
          state={state ?? ''}
          states={states}
          clearHref={search || role || state ? peoplePath : null}
        />
      </Card>
      <Card label="People">
        <Results label="What was found" of={linkToPeople(filters)}>
          <DataTable
            caption={byName ? 'People, by name or email' : 'People, newest first'}
            columns={columns}
            rows={people.map((person) => ({
              id: person.id,
              cells: { ...cellsOf(person), created: <Moment at={person.createdAt} clock={clock} /> },
            }))}
            empty="No matches."
          />
          <Pager
            label="People"
            first={byName ? 'First' : 'Newest'}
            next={byName ? 'More' : 'Older'}
            newestHref={after ? linkToPeople(filters) : null}
            olderHref={older ? linkToPeople({ ...filters, after: older }) : null}
          />
        </Results>
      </Card>
    </Page>
  );
}

const columns = [
  { key: 'name', header: 'Name' },
  { key: 'email', header: 'Email' },
  { key: 'role', header: 'Role' },
  { key: 'state', header: 'State' },
  { key: 'phone', header: 'Phone' },
  { key: 'texts', header: 'Texts' },
  { key: 'created', header: 'Created' },
] as const;

function cellsOf({ id, name, email, isEmailProven, role, state, maskedPhone }: ListedPerson) {
  const { words, tone } = sayState(state);
  return {
    name: <TextLink href={`/admin/users/${id}`}>{name}</TextLink>,
    email: (
      <>
        {email} {isEmailProven ? null : <Badge tone="warning">Not confirmed</Badge>}
      </>
    ),
    role: sayRole(role),
    state: <Badge tone={tone}>{words}</Badge>,
    phone: maskedPhone ?? '–',
    texts: (
      <TextLink href={`/admin/users/${id}/texts`} aria-label={`Texts and consents of ${name}`}>
        Texts
      </TextLink>
    ),
  };
}
