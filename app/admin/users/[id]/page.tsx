import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { PhoneLink } from '@/app/admin/phones/phone-link';
import { revealNote } from '@/app/admin/reveal-words';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayTab } from '@/app/_format/tab-title';
import { linkToPacks } from '@/app/admin/packs/packs-path';
import { SiteNav } from '@/app/site-nav';
import { nameDevice } from '@/app/users/security/device-words';
import { AdminActionForm } from '@/components/forms/staff/AdminActionForm';
import { ActionForm } from '@/components/forms/ActionForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { PhoneState } from '@/components/sms/PhoneState';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { Pager } from '@/components/ui/lists/Pager';
import { TextLink } from '@/components/ui/TextLink';
import { Columns } from '@/components/ui/Columns';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readAccountLocks, type AccountLocks } from '@/lib/auth/admin/read-locks';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readKeyset } from '@/lib/reporting/keyset';
import { readPerson, type AuditActor, type SeenAuditEntry, type SeenPerson } from '@/lib/reporting/person';
import { peoplePath } from '../people-query';
import { roles, sayAuditAction, sayAuditReason, sayRole, sayState } from '../person-words';
import {
  changeRoleAction,
  deactivateAction,
  endSessionsAction,
  reactivateAction,
  resetFactorsAction,
  revealPersonAction,
  sendEnrollLinkAction,
  unlockAction,
} from './actions';
import { savedWords } from './account-change-words';
import { holdsFactor, sayFactors } from './factor-facts';
import { sayLocks } from './lock-facts';
import { sayStopped } from '@/app/_format/say-stopped';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? sayTab('Person', (await params).id) : 'Not allowed' };
}

type Props = {
  params: Promise<{ id: string }>;
  searchParams: Promise<{ saved?: string | string[]; before?: string | string[] }>;
};

/** One person: who they are, where they are signed in, what was done to their account, and what an admin can do. */
export default async function PersonPage({ params, searchParams }: Props) {
  const admin = await requireRole(`${peoplePath}/${(await params).id}`, 'admin');
  const { saved, before } = await searchParams;
  const now = databaseNow();
  const historyBefore = typeof before === 'string' ? readKeyset(before, 'number') : null;
  const person = await readPerson(db(), (await params).id, { adminId: admin.userId, historyBefore, now });
  if (person === null) notFound();
  const locks = await readAccountLocks(db(), person, now);
  const clock = { timeZone: person.timeZone, now };
  const said = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  const here = `${peoplePath}/${person.id}`;
  return (
    <Page wide nav={<SiteNav part="/admin/users" />}>
      <HeadingGroup>
        <Heading>{person.name}</Heading>
        <Lead>
          <TextLink href={peoplePath}>People</TextLink>
        </Lead>
      </HeadingGroup>
      {said ? <SavedAlert title={said} /> : null}
      <Columns
        even
        first={
          <>
            <Card label="Account">
              <Heading level={2}>Account</Heading>
              <Stack>
                <FactList facts={factsOf(person, locks, clock)} />
                {person.phoneId === null ? null : (
                  <ActionForm
                    action={revealPersonAction}
                    label="Reveal"
                    fields={{ userId: person.id }}
                    note={`Shows the whole phone number. ${revealNote}`}
                  />
                )}
                <TextLink href={`${here}/texts`} standalone>
                  Texts, consents, opt-outs and limits
                </TextLink>
                <TextLink href={linkToPacks({ person: person.id })} standalone>
                  Make an evidence pack
                </TextLink>
              </Stack>
            </Card>
            <Card label="What you can do">
              <Heading level={2}>What you can do</Heading>
              {person.id === admin.userId ? (
                <Text>
                  This is your own account. What concerns it is under{' '}
                  <TextLink href="/users/security">Security</TextLink>; another admin can do the rest.
                </Text>
              ) : (
                <AdminActions person={person} />
              )}
            </Card>
          </>
        }
        second={
          <>
            <Card>
              <Heading level={2} id="sessions">
                Signed in
              </Heading>
              <EventList
                empty="Not signed in anywhere."
                items={person.sessions.map((session) => ({
                  id: session.id,
                  title: nameDevice(session.userAgent),
                  when: (
                    <>
                      Last active <Moment at={session.lastSeenAt} clock={clock} />
                    </>
                  ),
                  details: [
                    <>
                      Signed in <Moment at={session.createdAt} clock={clock} />
                      {session.address ? ` from ${session.address}` : null}
                    </>,
                  ],
                }))}
              />
            </Card>
            <Card>
              <Heading level={2} id="looks">
                Who looked at this
              </Heading>
              <Text quiet>
                Admins who had the whole phone number shown. Opening this page, where it is hidden, is not
                written down.
              </Text>
              <EventList
                empty="Nobody so far."
                items={person.looks.map((look) => ({
                  id: look.id,
                  title: sayActor(look.actor, look.address, person.name),
                  when: <Moment at={look.at} clock={clock} />,
                }))}
              />
              {person.hasOlderLooks ? <Text quiet>Older ones are among what happened.</Text> : null}
            </Card>
            <Card>
              <Heading level={2} id="history">
                What happened
              </Heading>
              <EventList
                empty="Nothing more."
                items={person.history.map((entry) => ({
                  id: entry.id,
                  title: sayAuditAction(entry),
                  when: <Moment at={entry.at} clock={clock} />,
                  details: detailsOf(entry, person.name),
                }))}
              />
              <Pager
                label="What happened"
                newestHref={historyBefore ? `${here}#history` : null}
                olderHref={
                  person.olderHistory
                    ? `${here}?before=${encodeURIComponent(person.olderHistory)}#history`
                    : null
                }
              />
            </Card>
          </>
        }
      />
    </Page>
  );
}

function factsOf(person: SeenPerson, locks: AccountLocks, clock: Clock) {
  const { words, tone } = sayState(person.state);
  return [
    {
      term: 'Email',
      detail: (
        <>
          {person.email}{' '}
          {person.emailProvenAt ? (
            <Badge tone="success">Confirmed</Badge>
          ) : (
            <Badge tone="warning">Not confirmed</Badge>
          )}
        </>
      ),
    },
    { term: 'Role', detail: sayRole(person.role) },
    {
      term: 'State',
      detail: (
        <>
          <Badge tone={tone}>{words}</Badge>
          {person.deactivatedAt ? (
            <>
              {' '}
              since <Moment at={person.deactivatedAt} clock={clock} />
            </>
          ) : null}
          {person.closing ? <> · {sayClosing(person.closing, person.name)}</> : null}
        </>
      ),
    },
    { term: 'Locked now', detail: sayLocks(locks, clock) },
    {
      term: 'Phone',
      detail: (
        <>
          <PhoneState
            state={person.phone.state}
            phone={person.phoneId === null ? null : <PhoneLink of={person} />}
          />
          {person.phone.stopped ? <Badge tone="warning">{sayStopped(person.phone.stopped)}</Badge> : null}
          {person.phone.doubt ? <Badge tone="warning">To be verified again</Badge> : null}
        </>
      ),
    },
    ...sayFactors(person.factors, clock),
    { term: 'Created', detail: <Moment at={person.createdAt} clock={clock} /> },
    {
      term: 'Last sign-in',
      detail: person.lastSignInAt ? <Moment at={person.lastSignInAt} clock={clock} /> : 'Not yet',
    },
  ];
}

/** Only what can be done right now; the action itself checks again. */
function AdminActions({ person }: { person: SeenPerson }) {
  const { id, name, role, state } = person;
  const about = { name: 'userId', value: id };
  if (state === 'deactivated') {
    return person.isEmailReleased ? (
      <Text>
        The owner of the email had this account closed, so it cannot be opened again. Its person can be{' '}
        <TextLink href="/admin/users/invite">invited</TextLink>.
      </Text>
    ) : (
      <AdminActionForm
        action={reactivateAction}
        about={about}
        idPrefix="reactivate-"
        summary="Reactivate"
        note={`${name} can then sign in again, with the password they had.`}
        submitLabel="Reactivate the account"
      />
    );
  }
  return (
    <Stack gap="small">
      <AdminActionForm
        action={changeRoleAction}
        about={about}
        idPrefix="role-"
        summary="Change the role"
        note={
          person.emailProvenAt
            ? `${name} is signed out everywhere and signs in again for the new role.`
            : 'Until the email is confirmed, this account can only be an applicant’s: a stranger may have made it.'
        }
        submitLabel="Change the role"
        roles={{ options: roles, now: role }}
      />
      <AdminActionForm
        action={endSessionsAction}
        about={about}
        idPrefix="sessions-"
        summary="End all sessions"
        note={`${name} is signed out everywhere, and can sign in again.`}
        submitLabel="End all sessions"
      />
      <AdminActionForm
        action={unlockAction}
        about={about}
        idPrefix="unlock-"
        summary="Unlock"
        note={`For someone who has to wait after wrong passwords or codes: ${name} can try again at once. The password stays as it is.`}
        submitLabel="Reset the tries"
      />
      {person.factors?.isLacking && state === 'active' ? (
        <AdminActionForm
          action={sendEnrollLinkAction}
          about={about}
          idPrefix="enroll-"
          summary="Send a link to set up a second factor"
          note={`${name} has to hold a second factor and holds none. With the link and their password they set it up. The link works once, for 24 hours.`}
          submitLabel="Send the link"
        />
      ) : null}
      {holdsFactor(person.factors) ? (
        <AdminActionForm
          action={resetFactorsAction}
          about={about}
          idPrefix="factors-"
          summary="Reset the second factor"
          note={`For someone who lost it. ${name} gets an email first, or a text where no email reaches them. Once they follow its link and enter their password, every passkey, authenticator app, phone and recovery code is removed, they are signed out everywhere, and they set up new ones.`}
          submitLabel="Ask them"
          variant="danger"
        />
      ) : null}
      <AdminActionForm
        action={deactivateAction}
        about={about}
        idPrefix="deactivate-"
        summary="Deactivate"
        note={`${name} is signed out everywhere and cannot sign in. Waiting texts are canceled, links in emails stop working. Nothing is deleted.`}
        submitLabel="Deactivate the account"
        variant="danger"
      />
    </Stack>
  );
}

function detailsOf({ actor, address, reason }: SeenAuditEntry, name: string) {
  return [sayActor(actor, address, name), ...(reason === null ? [] : [`Reason: ${sayAuditReason(reason)}`])];
}

/** Who closed the account, and why. */
function sayClosing({ actor, address, reason }: SeenAuditEntry, name: string) {
  return (
    <>
      {sayActor(actor, address, name)}
      {reason === null ? null : <>. Reason: {sayAuditReason(reason)}</>}
    </>
  );
}

function sayActor(actor: AuditActor, address: string | null, name: string) {
  switch (actor.kind) {
    case 'owner':
      return `By ${name}`;
    case 'nobody':
      return address === null
        ? 'By nobody who was signed in'
        : `By someone who was not signed in, from ${address}`;
    case 'operator':
      return `By ${actor.name}, at the terminal`;
    case 'person':
      if (actor.name === null) return 'By someone whose account was deleted since';
      return (
        <>
          By <TextLink href={`${peoplePath}/${actor.id}`}>{actor.name}</TextLink>
        </>
      );
  }
}
