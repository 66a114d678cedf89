import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { cache, type ReactNode } from 'react';
import { AdminNav } from '@/app/admin/admin-nav';
import { PhoneLink } from '@/app/admin/phones/phone-link';
import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { Columns } from '@/components/ui/Columns';
import { Written } from '@/components/ui/Written';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readMessagePage, type SeenMessage } from '@/lib/reporting/message-page';
import { sayPrice, sayPurpose, sayStatus, sayTemplate } from '../message-words';
import { messagesPath } from '../messages-query';
import { sayLife } from './life-words';
import { WhyList } from '../why-list';
import { saySummary } from '../why-words';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const user = await readUser();
  if (user?.role !== 'admin') return { title: 'Not allowed' };
  const { page } = await readShown((await params).id, user.userId);
  return { title: page === null ? 'Text' : sayTemplate(page.message.template) };
}

type Props = { params: Promise<{ id: string }> };

/** Read once, for the page and for its title. */
const readShown = cache(async (id: string, adminId: string) => {
  const now = databaseNow();
  return { page: await readMessagePage(db(), id, { adminId, now }), now };
});

/** One text: what it is, to whom, and all that happened to it. Reads only. */
export default async function MessagePage({ params }: Props) {
  const admin = await requireRole(`${messagesPath}/${(await params).id}`, 'admin');
  const { page, now } = await readShown((await params).id, admin.userId);
  if (page === null) notFound();
  const { message, timeZone } = page;
  const clock = { timeZone, now };
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>{sayTemplate(message.template)}</Heading>
        <Lead>
          <TextLink href={messagesPath}>All texts</TextLink>
        </Lead>
      </HeadingGroup>
      <AdminNav here="messages" />
      <Columns
        even
        first={
          <Card label="Text">
            <Heading level={2}>What it is</Heading>
            <FactList facts={factsOf(message, clock)} />
          </Card>
        }
        second={
          <>
            {message.gates === null ? null : (
              <Card>
                <Heading level={2} id="why">
                  Why did this not arrive?
                </Heading>
                <Stack>
                  <Text>{saySummary(message.gates, message)}</Text>
                  <WhyList gates={message.gates} text={message} clock={clock} />
                </Stack>
              </Card>
            )}
            <Card>
              <Heading level={2} id="life">
                What happened
              </Heading>
              <EventList
                empty="Nothing is known."
                items={message.life.map((event, index) => sayLife(event, index, message, clock))}
              />
            </Card>
          </>
        }
      />
    </Page>
  );
}

function factsOf(message: SeenMessage, clock: Required<Clock>): { term: string; detail: ReactNode }[] {
  const { status, person, applicationId, purpose, sid, sender, segments } = message;
  const { words, tone } = sayStatus(status);
  const isIn = message.direction === 'in';
  const facts: { term: string; detail: ReactNode }[] = [
    {
      term: 'State',
      detail: <Badge tone={tone}>{words}</Badge>,
    },
    { term: isIn ? 'From' : 'To', detail: <PhoneLink of={message} none="Erased" /> },
    {
      term: 'Person',
      detail:
        person === null ? (
          'Nobody, or their account is gone'
        ) : (
          <TextLink href={`/admin/users/${person.id}`}>{person.name}</TextLink>
        ),
    },
  ];
  if (applicationId !== null) {
    facts.push({
      term: 'Application',
      detail: <TextLink href={`/staff/applications/${applicationId}`}>The one it is about</TextLink>,
    });
  }
  facts.push(
    { term: 'Purpose', detail: sayPurpose(purpose) },
    { term: isIn ? 'Received' : 'Written down', detail: <LogMoment at={message.createdAt} clock={clock} /> },
  );
  if (message.inboundBody !== null) {
    facts.push({ term: 'What they wrote', detail: <Written quoted>{message.inboundBody}</Written> });
  }
  if (sender !== null) facts.push({ term: isIn ? 'Sent to' : 'Sender', detail: sender });
  if (sid !== null) facts.push({ term: 'SID', detail: <Written>{sid}</Written> });
  if (segments !== null) facts.push({ term: 'Segments', detail: segments });
  facts.push({ term: 'Price', detail: sayPrice(message) ?? 'Nothing so far' });
  return facts;
}
