import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { sayTimes } from '@/app/_format/say-times';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { Card } from '@/components/ui/Card';
import { ChangePasswordForm } from '@/components/forms/ChangePasswordForm';
import { EventList } from '@/components/ui/EventList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { listSessions } from '@/lib/accounts/sessions';
import { readActivity } from '@/lib/auth/activity';
import { requireUser } from '@/lib/auth/session';
import { changePasswordAction, endOtherSessionsAction, endSessionAction } from './actions';
import { sayActivity } from './activity-words';
import { nameDevice } from './device-words';

export const metadata: Metadata = { title: 'Security' };

const shownActivity = 15;

const savedWords: ReadonlyMap<string, string> = new Map([
  ['password', 'Your password has been changed. You are signed out everywhere else.'],
  ['session', 'That session has ended.'],
  ['sessions', 'All other sessions have ended.'],
]);

export default async function SecurityPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const user = await requireUser('/users/security');
  const { saved } = await searchParams;
  const now = new Date();
  const clock = { timeZone: await readPersonTimeZone(user), now };
  const sessions = await listSessions(db(), user.userId, now);
  const activity = await readActivity(db(), user.userId, shownActivity);
  const savedNow = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  return (
    <Page nav={<SiteNav page="/users/security" />}>
      <HeadingGroup>
        <Heading>Security</Heading>
        <Lead>Your password, where you are signed in, recent activity, and your data.</Lead>
      </HeadingGroup>
      {savedNow ? <SavedAlert title={savedNow} /> : null}

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
        <Heading level={2} id="sessions">
          Where you are signed in
        </Heading>
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
                  {session.address ? ` from ${session.address}` : null}
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
              event.address,
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
            Everything we keep about you, in one file: your account, phone, preferences, agreements, texts and
            sign-ins.
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
    </Page>
  );
}
