import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import type { ReactNode } from 'react';
import { LogMoment } from '@/app/_format/log-moment';
import { Moment } from '@/app/_format/moment';
import { sayMinuteOfDay, type Clock } from '@/app/_format/say-moment';
import { sayAt } from '@/app/_format/say-when';
import { SiteNav } from '@/app/site-nav';
import { sayRole } from '@/app/admin/users/person-words';
import { AssigneeForm } from '@/components/forms/staff/AssigneeForm';
import { MoveForms } from '@/components/forms/staff/MoveForms';
import { NoteForm } from '@/components/forms/staff/NoteForm';
import { UndoForm } from '@/components/forms/staff/UndoForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { EventList, type EventItem } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { Pager } from '@/components/ui/lists/Pager';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { Written } from '@/components/ui/Written';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { nameStatus } from '@/app/_format/application-words';
import { sayTab } from '@/app/_format/tab-title';
import { seesInternal } from '@/lib/applications/who-sees';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import {
  readApplicationPage,
  type ApplicationPage as Shown,
  type SeenEvent,
} from '@/lib/reporting/application-page';
import { applicationsPath } from '../applications-query';
import { groupAssignable } from '../assignee-options';
import {
  applicationSavedWords,
  moveWords,
  sayApplicationStatus,
  sayEvent,
  sayReach,
  usualMoves,
} from '../words';
import { addNoteAction, assignApplicationAction, moveApplicationAction, undoMoveAction } from './actions';
import { Preview, sayNotice } from './news-facts';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const user = await readUser();
  const isAllowed = user !== null && user.role !== 'applicant';
  return { title: isAllowed ? sayTab('Application', (await params).id) : 'Not allowed' };
}

type Props = {
  params: Promise<{ id: string }>;
  searchParams: Promise<{ saved?: string | string[]; before?: string | string[] }>;
};

/** One application: where it is, what happened to it, whom it is of, and what whoever looks can do. */
export default async function ApplicationPage({ params, searchParams }: Props) {
  const user = await requireRole(`${applicationsPath}/${(await params).id}`, 'broker', 'staff', 'admin');
  const { saved, before } = await searchParams;
  const now = databaseNow();
  const eventsBefore = typeof before === 'string' && /^\d{1,15}$/.test(before) ? Number(before) : null;
  const shown = await readApplicationPage(db(), user, (await params).id, { eventsBefore, now });
  if (shown === null) notFound();
  const { application, undo, undoSeconds } = shown;
  const clock = { timeZone: shown.timeZone, now };
  const said = typeof saved === 'string' ? applicationSavedWords.get(saved) : undefined;
  const isInternalSeen = seesInternal(user);
  const here = `${applicationsPath}/${application.id}`;
  return (
    <Page wide nav={<SiteNav part="/staff/applications" />}>
      <HeadingGroup>
        <Heading>{application.title}</Heading>
        <Lead>
          <TextLink href={applicationsPath}>All applications</TextLink>
          {shown.moves.length > 0 ? (
            <>
              {' · '}
              <TextLink href="#move">Move it on</TextLink>
            </>
          ) : null}
        </Lead>
      </HeadingGroup>
      <SavedAlert title={said?.title} tone={said?.tone} />
      <UndoForm
        action={undoMoveAction}
        undo={
          undo && {
            fields: { application: application.id, event: String(undo.eventId) },
            title: `You moved it to ${nameStatus(undo.to)}`,
            until: { at: undo.until.toISOString(), words: sayAt(undo.until, now, shown.timeZone) },
          }
        }
        serverNow={now.toISOString()}
      />
      <Card label="Application">
        <Heading level={2}>Where it is</Heading>
        <FactList facts={factsOf(shown, clock)} />
      </Card>
      <Card>
        <Heading level={2} id="history">
          What happened
        </Heading>
        <EventList empty="Nothing more." items={shown.events.map((event) => itemOf(event, shown, clock))} />
        <Pager
          label="What happened"
          newestHref={eventsBefore === null ? null : `${here}#history`}
          olderHref={shown.olderEvents === null ? null : `${here}?before=${shown.olderEvents}#history`}
        />
      </Card>
      <Card>
        <Heading level={2} id="move">
          Move it on
        </Heading>
        <MoveForms
          action={moveApplicationAction}
          application={application.id}
          version={application.version}
          moves={shown.moves.map(({ to, preview }) => ({
            to,
            ...moveWords[to],
            asksNote: to === 'documents_needed',
            isUsual: usualMoves[application.status] === to,
            preview: <Preview preview={preview} undoSeconds={undoSeconds} clock={clock} />,
          }))}
          asksInternal={isInternalSeen}
        >
          <Text>There is nothing that you can move it to from here.</Text>
        </MoveForms>
      </Card>
      {isInternalSeen ? (
        <Card>
          <Heading level={2} id="assignee-heading">
            Who sees to it
          </Heading>
          <AssigneeForm
            action={assignApplicationAction}
            application={application.id}
            version={application.version}
            now={shown.assignee?.id ?? ''}
            people={groupWithPresent(shown)}
          />
        </Card>
      ) : null}
      <Card>
        <Heading level={2} id="note-heading">
          Add a note
        </Heading>
        <NoteForm action={addNoteAction} application={application.id} asksInternal={isInternalSeen} />
        <Text quiet>Nothing is sent for a note. The applicant finds it when they look.</Text>
      </Card>
    </Page>
  );
}

function factsOf(shown: Shown, clock: Required<Clock>): { term: string; detail: ReactNode }[] {
  const { application, applicant, reach, assignee, isAnswered } = shown;
  const { words, tone } = sayApplicationStatus(application.status);
  const quietUntil = reach.quietUntil && sayMinuteOfDay(reach.quietUntil, reach.timeZone ?? clock.timeZone);
  return [
    {
      term: 'Status',
      detail: (
        <>
          <span data-application-status={application.status}>
            <Badge tone={tone}>{words}</Badge>
          </span>{' '}
          {isAnswered ? <Badge tone="success">Answered</Badge> : null} since{' '}
          <Moment at={application.movedAt} clock={clock} />
        </>
      ),
    },
    { term: 'Applicant', detail: <Applicant applicant={applicant} /> },
    { term: 'How news reaches them', detail: sayReach(reach, quietUntil) },
    { term: 'Assigned to', detail: assignee?.name ?? 'Nobody in particular' },
    { term: 'Written', detail: <Moment at={application.createdAt} clock={clock} /> },
    { term: 'Message', detail: <Written>{application.message}</Written> },
  ];
}

function Applicant({ applicant }: { applicant: Shown['applicant'] }) {
  switch (applicant.kind) {
    case 'gone':
      return 'Someone whose account was deleted';
    case 'no_account':
      return `${applicant.name}, without an account`;
    case 'account': {
      const { name, email, isEmailProven, maskedPhone, isDeactivated } = applicant;
      return (
        <>
          {[name, email, ...(maskedPhone === null ? [] : [maskedPhone])].join(', ')}{' '}
          {isEmailProven ? null : <Badge tone="warning">Email not confirmed</Badge>}{' '}
          {isDeactivated ? <Badge tone="danger">Deactivated</Badge> : null}
        </>
      );
    }
  }
}

/** Those who can be chosen, and whoever was chosen, who may have left. */
function groupWithPresent({ assignable, assignee }: Shown) {
  const groups = groupAssignable(assignable);
  if (assignee === null || assignable.some(({ id }) => id === assignee.id)) return groups;
  return [{ label: 'Left', options: [{ value: assignee.id, label: assignee.name }] }, ...groups];
}

function itemOf(event: SeenEvent, shown: Shown, clock: Required<Clock>): EventItem {
  const { id, at, note, internalNote, undoneAt, hiddenUntil, notices } = event;
  const details: ReactNode[] = [];
  if (undoneAt) {
    details.push(
      <>
        Undone <Moment at={undoneAt} clock={clock} />. The applicant never saw it.
      </>,
    );
  }
  if (hiddenUntil) {
    details.push(
      <>
        Not shown to the applicant until <LogMoment at={hiddenUntil} clock={clock} />
      </>,
    );
  }
  if (note !== null) details.push(<Written quoted>{note}</Written>);
  if (internalNote !== null) {
    details.push(
      <>
        Internal note: <Written quoted>{internalNote}</Written>
      </>,
    );
  }
  details.push(...notices.map((notice) => sayNotice(notice, event, clock)));
  return {
    id: String(id),
    title: sayEvent(event),
    when: (
      <>
        <Moment at={at} clock={clock} />, {sayWho(event, shown)}
      </>
    ),
    badge: undoneAt ? { tone: 'neutral', words: 'Undone' } : undefined,
    details,
  };
}

function sayWho({ actorRole, actor, byText }: SeenEvent, { applicant }: Shown): string {
  if (actorRole === 'applicant') {
    const who = applicant.kind === 'account' ? applicant.name : 'the applicant';
    return byText ? `by ${who}, as a text` : `by ${who}`;
  }
  return actor === null
    ? 'by someone whose account was deleted since'
    : `by ${actor} (${sayRole(actorRole).toLowerCase()})`;
}
