import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayTab } from '@/app/_format/tab-title';
import { sayCount } from '@/app/admin/report-words';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { BulkAimForm } from '@/components/forms/staff/BulkAimForm';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { FactList } from '@/components/ui/lists/FactList';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { RefreshWhile } from '@/components/ui/time/RefreshWhile';
import { Written } from '@/components/ui/Written';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readBulkPage, type BulkPage as Shown } from '@/lib/bulk/bulk-page';
import {
  aimBulkMoveAction,
  draftMissingAction,
  pauseBulkMoveAction,
  startBulkMoveAction,
  stopBulkMoveAction,
} from '../actions';
import {
  bulkPath,
  bulkSavedWords,
  bulkTargets,
  missingWords,
  sayApplications,
  sayBulkMove,
  sayBulkProgress,
  sayBulkSources,
  sayBulkState,
  sayNamed,
  sayStaying,
} from '../bulk-words';
import { NamedItems } from './named-items';
import { Summary } from './summary';

type Props = { params: Promise<{ id: string }>; searchParams: Promise<{ saved?: string | string[] }> };

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const user = await readUser();
  const isAllowed = user?.role === 'staff' || user?.role === 'admin';
  return { title: isAllowed ? sayTab('Bulk move', (await params).id) : 'Not allowed' };
}

/** One move of many applications: what would come of it, then how far it is. */
export default async function BulkMovePage({ params, searchParams }: Props) {
  const user = await requireRole(`${bulkPath}/${(await params).id}`, 'staff', 'admin');
  const { id } = await params;
  const { saved } = await searchParams;
  const now = databaseNow();
  const shown = await readBulkPage(db(), user, id, now);
  if (shown === null) notFound();
  const clock = { timeZone: shown.timeZone, now };
  const said = typeof saved === 'string' ? bulkSavedWords.get(saved) : undefined;
  return (
    <Page wide nav={<SiteNav part="/staff/applications" />}>
      <HeadingGroup>
        <Heading>{shown.to === null ? `Move ${sayApplications(shown.items)}` : sayBulkMove(shown)}</Heading>
        <Lead>
          <TextLink href={bulkPath}>All bulk moves</TextLink>
        </Lead>
      </HeadingGroup>
      <SavedAlert title={said?.title} tone={said?.tone} />
      {shown.isCut ? (
        <Notice tone="warning" title={`More than ${sayCount(shown.items)} applications were listed`}>
          <p>
            One bulk move takes no more. The first of the list are in this one. Make another for the rest.
          </p>
        </Notice>
      ) : null}
      {shown.state === 'draft' ? (
        <Draft shown={shown} clock={clock} />
      ) : (
        <Progress shown={shown} clock={clock} />
      )}
    </Page>
  );
}

function Draft({ shown, clock }: { shown: Shown; clock: Required<Clock> }) {
  const { id, byStatus, named, items, summary, to, note } = shown;
  return (
    <>
      <Card>
        <Heading level={2} id="aim-heading">
          Where to
        </Heading>
        <Text>{sayBulkSources(byStatus)}</Text>
        <NamedItems summary={sayNamed(named.first.length, items)} items={named.first} />
        <BulkAimForm
          action={aimBulkMoveAction}
          bulk={id}
          now={{ to: to ?? 'in_review', note: note ?? '' }}
          options={bulkTargets}
        />
      </Card>
      {summary === null || to === null ? null : (
        <Card>
          <Heading level={2} id="summary">
            What would happen
          </Heading>
          {summary.forecast === null ? (
            <>
              <RefreshWhile />
              <p role="status">This is being counted. It takes some seconds, and this page shows it then.</p>
              <Text quiet>
                <TextLink href={`${bulkPath}/${id}`}>Show it</TextLink>
              </Text>
            </>
          ) : (
            <>
              <Summary summary={summary} forecast={summary.forecast} clock={clock} />
              {named.staying.length === 0 ? null : (
                <NamedItems
                  summary={sayStaying(named.staying.length, items - summary.chances.allowed)}
                  items={named.staying}
                />
              )}
              {note === null ? null : (
                <>
                  <Text>Every applicant reads:</Text>
                  <Written quoted>{note}</Written>
                </>
              )}
              {summary.chances.allowed === 0 ? (
                <Text>None of them can be moved there.</Text>
              ) : (
                <ActionForm
                  action={startBulkMoveAction}
                  label={`Start: ${sayBulkMove({ to, items: summary.chances.allowed })}`}
                  variant="primary"
                  fields={{ bulk: id, aim: shown.aim }}
                  note="Each is seen by its applicant at once. A move in bulk has no undo time."
                />
              )}
            </>
          )}
        </Card>
      )}
    </>
  );
}

function Progress({ shown, clock }: { shown: Shown; clock: Clock }) {
  const { id, state, open, items, outcomes } = shown;
  const said = sayBulkState(state);
  const isOver = state === 'stopped' || state === 'done';
  const missing = items - outcomes.moved;
  return (
    <Card>
      <Heading level={2}>How far it is</Heading>
      <p role="status">{sayBulkProgress(shown)}</p>
      {shown.pausedBecause === 'mover_left' ? (
        <Notice tone="warning" title="It paused by itself">
          <p>Whoever started it may not move applications any more. It goes on in your name if you let it.</p>
        </Notice>
      ) : null}
      <FactList
        facts={[
          { term: 'State', detail: <Badge tone={said.tone}>{said.words}</Badge> },
          { term: 'Moved', detail: sayCount(outcomes.moved) },
          ...(isOver && open === 0
            ? []
            : [{ term: isOver ? 'Not moved before the end' : 'Still to do', detail: sayCount(open) }]),
          ...(['changed_meanwhile', 'not_allowed', 'not_found', 'moved_too_often', 'failed'] as const)
            .filter((reason) => outcomes[reason] > 0)
            .map((reason) => ({ term: missingWords[reason], detail: sayCount(outcomes[reason]) })),
          {
            term: 'Started',
            detail: (
              <>
                {shown.startedAt === null ? '–' : <Moment at={shown.startedAt} clock={clock} />} by{' '}
                {shown.startedBy ?? 'someone whose account is gone'}
              </>
            ),
          },
        ]}
      />
      {state === 'running' ? (
        <>
          <RefreshWhile />
          <Text quiet>
            You can leave this page: it goes on, as fast as its texts go out.{' '}
            <TextLink href={`${bulkPath}/${id}`}>Show how far it is</TextLink>
          </Text>
          <ActionForm action={pauseBulkMoveAction} label="Pause" fields={{ bulk: id }} />
        </>
      ) : null}
      {state === 'paused' ? (
        <ActionForm action={startBulkMoveAction} label="Go on" variant="primary" fields={{ bulk: id }} />
      ) : null}
      {isOver ? null : (
        <ActionForm
          action={stopBulkMoveAction}
          label="Stop for good"
          variant="danger"
          fields={{ bulk: id }}
          note="What was moved stays moved, and is told."
        />
      )}
      {missing > 0 || shown.isSomeUnreached ? (
        <Text>
          <a href={`${bulkPath}/${id}/missing`} download>
            Download what could not be done, and why (CSV)
          </a>
        </Text>
      ) : null}
      {isOver && missing > 0 ? (
        <ActionForm
          action={draftMissingAction}
          label={`Do the missing ones: ${sayApplications(missing)}`}
          fields={{ bulk: id }}
          note="You see what would happen first."
        />
      ) : null}
    </Card>
  );
}
