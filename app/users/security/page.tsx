import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import { sayTimes } from '@/app/_format/say-times';
import { SiteNav } from '@/app/site-nav';
import { ExportRefused } from '@/app/users/export-refused';
import { ActionForm } from '@/components/forms/ActionForm';
import { Alert } from '@/components/ui/Alert';
import { Card } from '@/components/ui/Card';
import { ChangePasswordForm } from '@/components/forms/settings/ChangePasswordForm';
import { EventList } from '@/components/ui/lists/EventList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Sections } from '@/components/ui/Sections';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import type { HeldFactors } from '@/lib/accounts/factors';
import { mostSessions } from '@/lib/accounts/sessions';
import { isPublicAddress } from '@/lib/client-address';
import { readSecurityPage } from '@/lib/auth/settings/security-page';
import { requireUser } from '@/lib/auth/sign-in/session';
import { changePasswordAction, endOtherSessionsAction, endSessionAction } from './actions';
import { sayActivity } from './activity-words';
import { nameDevice } from './device-words';

export const metadata: Metadata = { title: 'Security' };

const savedWords: ReadonlyMap<string, string> = new Map([
  ['password', 'Your password has been changed. You are signed out everywhere else.'],
  ['session', 'That session has ended.'],
  ['sessions', 'All other sessions have ended.'],
]);

const sections = [
  { id: 'password', label: 'Password' },
  { id: 'two-factor', label: 'Two-step sign-in' },
  { id: 'sessions', label: 'Where you are signed in' },
  { id: 'activity', label: 'Recent activity' },
  { id: 'data', label: 'My data' },
] as const;

export default async function SecurityPage({
  searchParams,
}: {
  searchParams: Promise<Partial<Record<'saved' | 'confirmed' | 'refused', string | string[]>>>;
}) {
  const user = await requireUser('/users/security');
  const { saved, confirmed, refused } = await searchParams;
  const now = databaseNow();
  const { timeZone, sessions, activity } = await readSecurityPage(db(), user.userId, now);
  const clock = { timeZone, now };
  const savedNow = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  return (
    <Page wide nav={<SiteNav page="/users/security" />}>
      <HeadingGroup>
        <Heading>Security</Heading>
        <Lead>Your password, where you are signed in, recent activity, and your data.</Lead>
      </HeadingGroup>
      {savedNow ? <SavedAlert title={savedNow} /> : null}
      <ExportRefused user={user} refused={refused} clock={clock} />
      {confirmed === 'export' ? (
        <Alert tone="success" title="Thank you, it is you" focusOn="export">
          <p>
            <TextLink href="/users/account/export">Download your data</TextLink> now.
          </p>
        </Alert>
      ) : null}
      {confirmed === 'sessions' ? (
        <Alert tone="success" title="Thank you, it is you" focusOn="confirmed-sessions">
          <p>
            No session has ended yet. <TextLink href="#sessions">End those that are not yours</TextLink> now.
          </p>
        </Alert>
      ) : null}

      <Sections links={sections}>
        <Card>
          <HeadingGroup>
            <Heading level={2} id="password">
              Password
            </Heading>
            <Text quiet>Changing it signs you out everywhere else.</Text>
          </HeadingGroup>
          <ChangePasswordForm action={changePasswordAction} email={user.email} name={user.name} />
        </Card>

        <Card>
          <HeadingGroup>
            <Heading level={2} id="two-factor">
              Two-step sign-in
            </Heading>
            <Text quiet>{sayFactors(user.factors)}</Text>
          </HeadingGroup>
          <LinkButton href="/users/security/two-factor" wide>
            Passkeys and two-step sign-in
          </LinkButton>
        </Card>

        <Card>
          <HeadingGroup>
            <Heading level={2} id="sessions">
              Where you are signed in
            </Heading>
            <Text quiet>
              You can be signed in with {mostSessions} browsers at once. One more signs out the one that you
              have not used for the longest time.
            </Text>
          </HeadingGroup>
          <EventList
            empty="You are not signed in anywhere."
            items={sessions.map((session) => {
              const here = session.id === user.sessionId;
              return {
                id: session.id,
                title: nameDevice(session.userAgent),
                titleId: `session-${session.id}`,
                when: (
                  <>
                    Last active <Moment at={session.lastSeenAt} clock={clock} />
                  </>
                ),
                badge: here ? { tone: 'success' as const, words: 'This browser' } : undefined,
                details: [
                  <>
                    Signed in <Moment at={session.createdAt} clock={clock} />
                    {isPublicAddress(session.address ?? '') ? ` from ${session.address}` : null}
                  </>,
                ],
                action: here ? undefined : (
                  <ActionForm
                    action={endSessionAction}
                    label="End this session"
                    describedBy={`session-${session.id}`}
                    fields={{ sessionId: session.id }}
                  />
                ),
              };
            })}
          />
          {sessions.length > 1 ? (
            <ActionForm action={endOtherSessionsAction} label="End all other sessions" variant="danger" />
          ) : null}
        </Card>

        <Card>
          <HeadingGroup>
            <Heading level={2} id="activity">
              Recent activity
            </Heading>
            <Text quiet>Sign-ins and attempts. If you do not recognize something, change your password.</Text>
          </HeadingGroup>
          <EventList
            empty="Nothing yet."
            items={activity.map((event) => {
              const { words, tone, badge } = sayActivity(event);
              const often = sayTimes(event);
              const origin = [
                event.userAgent === null ? null : nameDevice(event.userAgent),
                isPublicAddress(event.address ?? '') ? event.address : null,
              ].filter((part) => part !== null);
              return {
                id: event.id,
                title: words,
                when: <Moment at={event.at} clock={clock} />,
                badge: badge ? { tone: tone ?? 'neutral', words: badge } : undefined,
                details: [
                  ...(often && event.lastAt
                    ? [
                        <>
                          {often}, last <Moment at={event.lastAt} clock={clock} />
                        </>,
                      ]
                    : []),
                  ...(origin.length > 0 ? [origin.join(', ')] : []),
                ],
              };
            })}
          />
        </Card>

        <Card>
          <HeadingGroup>
            <Heading level={2} id="data">
              My data
            </Heading>
            <Text quiet>
              Everything we keep about you, in one file: your account, phone, preferences, agreements, texts
              and sign-ins.
            </Text>
          </HeadingGroup>
          <Stack gap="small">
            <LinkButton href="/users/account/export" wide>
              Download my data (JSON)
            </LinkButton>
            <TextLink href="/users/account/delete" standalone>
              Delete my account
            </TextLink>
          </Stack>
        </Card>
      </Sections>
    </Page>
  );
}

function sayFactors({ passkey, totp, sms }: HeldFactors): string {
  const held = [
    passkey ? 'a passkey' : null,
    totp ? 'an authenticator app' : null,
    sms ? 'codes by text' : null,
  ];
  const words = held.filter((factor) => factor !== null);
  if (words.length === 0) return 'Your password alone opens your account. Add something that only you have.';
  return `You have set up ${words.join(' and ')}.`;
}
