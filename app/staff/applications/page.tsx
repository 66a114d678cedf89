import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { ApplicationsFilterForm } from '@/components/forms/staff/ApplicationsFilterForm';
import { BulkPick, BulkPickForm } from '@/components/forms/staff/BulkPickForm';
import { UndoTimeForm } from '@/components/forms/staff/UndoTimeForm';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { CountList } from '@/components/ui/lists/CountList';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Pager } from '@/components/ui/lists/Pager';
import { Notice } from '@/components/ui/Notice';
import { Results } from '@/components/ui/lists/Results';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { statusWords } from '@/app/_format/application-words';
import { undoTime } from '@/lib/applications/undo-time';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import {
  ages,
  mostCounted,
  readApplicationsPage,
  seenNews,
  seenStatuses,
  type ApplicationsPage as Shown,
  type ApplicationsQuery,
  type ListedApplication,
} from '@/lib/reporting/applications-list';
import { sayPeopleSearch } from '@/lib/reporting/people';
import { draftBulkMoveAction } from '@/app/staff/bulk/actions';
import { bulkPath } from '@/app/staff/bulk/bulk-words';
import { saveUndoTimeAction, searchApplicationsAction } from './actions';
import {
  applicationsPath,
  linkToApplications,
  pickApplicationsParameters,
  readApplicationsQuery,
} from './applications-query';
import { groupAssignable } from './assignee-options';
import { ageWords, newsWords, sayApplicationStatus, sayNews } from './words';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user === null || user.role === 'applicant' ? 'Not allowed' : 'Applications' };
}

/** The applications that someone sees to: all that were handed in, or, for a broker, those that are assigned to them. */
export default async function ApplicationsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const user = await requireRole(applicationsPath, 'broker', 'staff', 'admin');
  const parameters = pickApplicationsParameters(await searchParams);
  const query = readApplicationsQuery(parameters);
  const now = databaseNow();
  const shown = await readApplicationsPage(db(), user, query, now);
  const { after, ...filters } = parameters;
  const clock = { timeZone: shown.timeZone, now };
  const isBroker = user.role === 'broker';
  const isNarrowed = Boolean(query.search ?? query.status ?? query.assignee ?? query.ageDays ?? query.news);
  return (
    <Page wide nav={<SiteNav page="/staff/applications" />}>
      <HeadingGroup>
        <Heading>Applications</Heading>
        <Lead>
          {isBroker ? (
            'The applications that are assigned to you.'
          ) : (
            <>
              All applications that were handed in.{' '}
              <TextLink href={`${applicationsPath}/new`}>Open one for someone without an account</TextLink>
              {' · '}
              <TextLink href={bulkPath}>Bulk moves</TextLink>
            </>
          )}
        </Lead>
      </HeadingGroup>
      <CountList label="By status" parts={partsOf(shown.counts, query.status)} />
      <Card label="Search">
        <ApplicationsFilterForm
          key={linkToApplications(filters)}
          action={searchApplicationsAction}
          search={query.search && sayPeopleSearch(query.search)}
          shown={query.search && parameters.q}
          choices={choicesOf(query, isBroker ? null : shown.assignable)}
          findsByDigits={!isBroker}
          clearHref={isNarrowed ? applicationsPath : null}
        />
      </Card>
      <Card label="Applications">
        <Results label="What was found" of={linkToApplications(filters)}>
          {shown.isTooWide ? (
            <Notice tone="warning" title="Very many people fit this search">
              <p>Only the applications of the first of them are listed. Enter more of the name or email.</p>
            </Notice>
          ) : null}
          <DataTable
            caption="Applications, newest move first"
            columns={isBroker ? columns : [pickColumn, ...columns]}
            rows={shown.applications.map((application) => ({
              id: application.id,
              cells: cellsOf(application, clock),
            }))}
            empty={isNarrowed || after ? 'No matches.' : 'There are no applications yet.'}
          />
          <Pager
            label="Applications"
            newestHref={after ? linkToApplications(filters) : null}
            olderHref={shown.older ? linkToApplications({ ...filters, after: shown.older }) : null}
          />
        </Results>
      </Card>
      {isBroker || shown.applications.length === 0 ? null : (
        <Card label="Move many at once">
          <Heading level={2}>Move many at once</Heading>
          <BulkPickForm key={linkToApplications(filters)} action={draftBulkMoveAction} filters={filters} />
        </Card>
      )}
      <Card label="Your undo time">
        <Heading level={2}>Your undo time</Heading>
        <UndoTimeForm action={saveUndoTimeAction} seconds={shown.undoSeconds} range={undoTime} />
      </Card>
    </Page>
  );
}

const pickColumn = { key: 'pick', header: 'Select', inCard: 'mark' } as const;

const columns = [
  { key: 'title', header: 'Title', inCard: 'plain' },
  { key: 'applicant', header: 'Applicant', inCard: 'plain' },
  { key: 'status', header: 'Status', inCard: 'plain' },
  { key: 'since', header: 'Since', inCard: 'plain' },
  { key: 'assignee', header: 'Assigned to' },
  { key: 'news', header: 'Last news' },
] as const;

function cellsOf(application: ListedApplication, clock: Clock) {
  const { id, title, applicant, status, since, assignee, news, textStatus, isAnswered, hasNewText } =
    application;
  const said = sayApplicationStatus(status);
  const heard = news === null ? null : sayNews(news, textStatus);
  return {
    pick: <BulkPick application={id} label={`Select ${title}, of ${applicant ?? 'a deleted account'}`} />,
    title: <TextLink href={`${applicationsPath}/${id}`}>{title}</TextLink>,
    applicant: applicant ?? 'Account deleted',
    status: (
      <span>
        <Badge tone={said.tone}>{said.words}</Badge>{' '}
        {isAnswered ? <Badge tone="success">Answered</Badge> : null}
        {hasNewText ? <Badge tone="warning">New text</Badge> : null}
      </span>
    ),
    since: <Moment at={since} clock={clock} />,
    assignee: assignee ?? '–',
    news: heard === null ? '–' : <Badge tone={heard.tone}>{heard.words}</Badge>,
  };
}

function partsOf(counts: Shown['counts'], current: ApplicationsQuery['status']) {
  return [
    { id: 'all', href: applicationsPath, words: 'All', isCurrent: current === null },
    ...seenStatuses.map((status) => ({
      id: status,
      href: linkToApplications({ status }),
      words: statusWords[status],
      count:
        counts[status] > mostCounted ? `${mostCounted.toLocaleString('en-US')}+` : String(counts[status]),
      isCurrent: current === status,
    })),
  ];
}

function choicesOf(query: ApplicationsQuery, people: Shown['assignable'] | null) {
  const { status, assignee, ageDays, news } = query;
  const isListed =
    assignee === null || ['me', 'nobody'].includes(assignee) || people?.some(({ id }) => id === assignee);
  return {
    status: {
      now: status ?? '',
      options: seenStatuses.map((value) => ({ value, label: statusWords[value] })),
    },
    assignee: people && {
      now: assignee ?? '',
      options: [
        { value: 'me', label: 'Me' },
        { value: 'nobody', label: 'Nobody' },
        ...(isListed ? [] : [{ value: assignee, label: 'Someone who left' }]),
        ...groupAssignable(people),
      ],
    },
    age: {
      now: ageDays === null ? '' : String(ageDays),
      options: ages.map((days) => ({ value: String(days), label: ageWords[`${days}`] })),
    },
    news: { now: news ?? '', options: seenNews.map((value) => ({ value, label: newsWords[value] })) },
  };
}
