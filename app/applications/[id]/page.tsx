import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { sayMyEvent, sayNext, showStatus } from '@/app/_format/application-words';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { AnswerForm } from '@/components/forms/applications/AnswerForm';
import { ApplicationForm } from '@/components/forms/applications/ApplicationForm';
import { WithdrawForm } from '@/components/forms/applications/WithdrawForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { OperatorContact } from '@/components/pages/OperatorNote';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { EventList, type EventItem } from '@/components/ui/lists/EventList';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { Written } from '@/components/ui/Written';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { applicationLimits } from '@/lib/applications/application';
import {
  readMyApplication,
  type MyApplication,
  type MyApplicationPage,
  type MyEvent,
} from '@/lib/applications/my-applications';
import type { ApplicationStatus } from '@/lib/applications/moves';
import { env } from '@/lib/env';
import { actsOnOwn } from '@/lib/applications/who-sees';
import { requireUser } from '@/lib/auth/sign-in/session';
import { answerApplicationAction, saveApplicationAction, withdrawApplicationAction } from '../actions';
import { applicationPath } from '../application-input';

const savedWords: ReadonlyMap<string, string> = new Map([
  ['draft', 'Your draft was saved. Only you can see it.'],
  ['submitted', 'Your application was submitted.'],
  ['answered', 'Your answer was sent.'],
  ['withdrawn', 'Your application was withdrawn.'],
]);

export const metadata: Metadata = { title: 'Your application' };

const nothing: MyApplicationPage['may'] = { edit: false, submit: false, answer: false, withdraw: false };

const readOnlyWords =
  'You work here now, so you can read what you applied for, and your colleagues see to it. Ask them to change or withdraw it.';

const readOnlyDraftWords =
  'You work here now, so you can read this draft, and nobody else can. To apply, use an account that is not one of ours.';

/**
 * One application of someone's own: how far it is, what is next, and what they can do. Its forms are always there, each in its
 * place, and show nothing where there is nothing to do: so the answer to an older page is shown on this one, also without JavaScript. Who became one of the operator's
 * people only reads it.
 */
export default async function ApplicationPage({
  params,
  searchParams,
}: {
  params: Promise<{ id: string }>;
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const user = await requireUser(applicationPath((await params).id));
  const { id } = await params;
  const { saved } = await searchParams;
  const now = databaseNow();
  const page = await readMyApplication(db(), user.userId, id, now);
  if (page === null) notFound();
  const { application, events } = page;
  const may = actsOnOwn(user) ? page.may : nothing;
  const { title, message, status, version, isAnswered } = application;
  const clock = { timeZone: page.timeZone, now };
  const savedNow = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  const isAsked = may.answer && !isAnswered;
  const shown = showStatus(application);
  const decision = endedStatuses.has(status) ? findNote(events, status) : null;
  const { contact } = env().operator;
  return (
    <Page nav={<SiteNav part="/applications" />}>
      <HeadingGroup>
        <Heading>
          <Written>{title}</Written>
        </Heading>
        <Lead>
          <span data-application-status={status}>
            <Badge tone={shown.tone}>{shown.words}</Badge>
          </span>{' '}
          {sinceWords(application)}
          <Moment at={application.since} clock={clock} />
        </Lead>
      </HeadingGroup>
      {savedNow ? <SavedAlert title={savedNow} /> : null}
      <Notice title="What happens next" tone={isAsked ? 'warning' : 'info'}>
        <p>
          {actsOnOwn(user) || endedStatuses.has(status)
            ? sayNext(application, decision !== null)
            : sayReadOnly(status)}
        </p>
        {decision === null ? null : (
          <p>
            <Written>{decision}</Written>
          </p>
        )}
        {contact === null || status === 'draft' || may.answer ? null : (
          <p>
            Questions? Contact us: <OperatorContact contact={contact} />
          </p>
        )}
      </Notice>
      <AnswerForm
        action={answerApplicationAction}
        owner={user.userId}
        id={id}
        asked={findNote(events, 'documents_needed')}
        isAnswered={isAnswered}
        mostCharacters={applicationLimits.note}
        isOpen={may.answer}
      >
        <WhereToSend />
      </AnswerForm>
      <ApplicationForm
        action={saveApplicationAction}
        owner={user.userId}
        saved={{ id, version, title, message }}
        limits={applicationLimits}
        isOpen={may.edit}
      />
      <Card>
        <HeadingGroup>
          <Heading level={2}>What happened so far</Heading>
          <Text quiet>Newest first.</Text>
        </HeadingGroup>
        <EventList items={listHappened(page, clock)} empty="Nothing yet." />
        {page.isCut ? <Text quiet>What happened before is not shown.</Text> : null}
      </Card>
      {may.edit ? null : (
        <Card>
          <Heading level={2}>What you wrote</Heading>
          {message === '' ? (
            <Text quiet>There is no message.</Text>
          ) : (
            <Text>
              <Written>{message}</Written>
            </Text>
          )}
        </Card>
      )}
      <WithdrawForm
        action={withdrawApplicationAction}
        owner={user.userId}
        id={id}
        version={version}
        isDraft={status === 'draft'}
        isOpen={may.withdraw}
      />
      <TextLink href="/applications" standalone>
        All your applications
      </TextLink>
    </Page>
  );
}

/** Where what we need goes, as far as the operator said: the form takes words alone. */
function WhereToSend() {
  const { nextStep, operator } = env();
  return (
    <Text>
      You cannot attach files here. If we did not say above where to send them,{' '}
      {nextStep !== null ? (
        <>
          hand them in where you apply: <TextLink href={nextStep.url}>{nextStep.label}</TextLink>.
        </>
      ) : operator.contact !== null ? (
        <>
          send them to <OperatorContact contact={operator.contact} />, and write in your answer that you did.
        </>
      ) : (
        'ask in your answer.'
      )}
    </Text>
  );
}

/** How a status and its time read together: "In review since", but "Submitted" and the time of it. */
function sinceWords({ status, isAnswered }: MyApplication): string {
  if (status === 'draft') return 'started ';
  return status === 'in_review' || (status === 'documents_needed' && !isAnswered) ? 'since ' : '';
}

const endedStatuses: ReadonlySet<ApplicationStatus> = new Set(['approved', 'declined', 'withdrawn']);

function sayReadOnly(status: ApplicationStatus): string {
  return status === 'draft' ? readOnlyDraftWords : readOnlyWords;
}

/** What was written to the applicant with the last move to a status; null: nothing, or they made it themselves. */
function findNote(events: readonly MyEvent[], status: ApplicationStatus): string | null {
  const move = events.findLast(({ toStatus }) => toStatus === status);
  return move === undefined || move.isMine ? null : move.note;
}

/** The timeline, newest first. */
function listHappened({ application, events, isCut }: MyApplicationPage, clock: Clock): EventItem[] {
  const items = events.map((event, index): EventItem => {
    const before = events.slice(0, index).findLast(({ toStatus }) => toStatus !== null)?.toStatus ?? null;
    return {
      id: String(event.id),
      title: event.note === null ? sayMyEvent(event, before) : `${sayMyEvent(event, before)}:`,
      when: <Moment at={event.at} clock={clock} />,
      details: event.note === null ? [] : [<Written key="note">{event.note}</Written>],
    };
  });
  const start = isCut || isHandedInAtOnce(application, events) ? [] : [describeStart(application, clock)];
  return [...start, ...items].reverse();
}

/** It never was a draft, as far as its applicant knows. */
function isHandedInAtOnce({ createdAt }: MyApplication, events: readonly MyEvent[]): boolean {
  return events[0]?.at.getTime() === createdAt.getTime();
}

function describeStart({ createdAt }: MyApplication, clock: Clock): EventItem {
  return { id: 'start', title: 'You started it', when: <Moment at={createdAt} clock={clock} /> };
}
