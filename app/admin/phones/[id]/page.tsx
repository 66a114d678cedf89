import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import type { ReactNode } from 'react';
import { AdminNav } from '@/app/admin/admin-nav';
import { describeLastWord, describeOptOut } from '@/app/admin/consent-words';
import { NumberLimits } from '@/app/admin/limit-facts';
import { linkToMessages } from '@/app/admin/messages/messages-query';
import { sayReason } from '@/app/admin/messages/message-words';
import { NextTexts } from '@/app/admin/next-texts';
import { revealNote } from '@/app/admin/reveal-words';
import { describeSeenAttempt, describeSeenText } from '@/app/admin/text-events';
import { linkToVerifications } from '@/app/admin/verifications/verifications-query';
import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { EventList } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readPhonePage, type PhonePage, type PhonePerson } from '@/lib/reporting/phone-page';
import { revealNumberAction } from '../actions';
import { phonesPath } from '../phone-link';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Phone number' : 'Not allowed' };
}

/** All that is known of one number, which is masked: whose it is, why the next code would not come, and what came. */
export default async function NumberPage({ params }: { params: Promise<{ id: string }> }) {
  const admin = await requireRole(`${phonesPath}/${(await params).id}`, 'admin');
  const { id } = await params;
  const now = databaseNow();
  const page = await readPhonePage(db(), id, { adminId: admin.userId, now });
  if (page === null) notFound();
  const clock = { timeZone: page.timeZone, now };
  const shown = { clock, withNumber: false };
  return (
    <Page nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>{page.maskedPhone}</Heading>
        <Lead>Everything about one phone number.</Lead>
      </HeadingGroup>
      <AdminNav here="messages" />
      <Card label="Number">
        <Stack>
          <FactList facts={factsOf(page, clock)} />
          <ActionForm
            action={revealNumberAction}
            label="Reveal"
            fields={{ phoneId: page.id }}
            note={`Shows the whole number. ${revealNote}`}
          />
        </Stack>
      </Card>
      <Card>
        <Heading level={2} id="next">
          What keeps the next code back?
        </Heading>
        {page.next === null ? (
          <Text>Nobody has this number on their account, so nobody can ask for a code to it.</Text>
        ) : (
          <Stack>
            <Text quiet>
              If {linkToPerson(page.next.person)} asked for one now. Every rule is asked as of now.
            </Text>
            <NextTexts next={[page.next]} clock={clock} />
          </Stack>
        )}
      </Card>
      <Card>
        <Heading level={2} id="limits">
          Limits
        </Heading>
        <NumberLimits limits={page.limits} clock={clock} />
      </Card>
      <Card>
        <Heading level={2} id="texts">
          Newest texts
        </Heading>
        <EventList
          empty="No text went to this number or came from it."
          items={page.texts.map((text) => describeSeenText(text, shown))}
        />
        {page.hasOlderTexts ? (
          <TextLink href={linkToMessages({ about: page.about })} standalone>
            All texts
          </TextLink>
        ) : null}
      </Card>
      <Card>
        <Heading level={2} id="consents">
          Consents
        </Heading>
        <Text quiet>
          The last that each account said. The whole of it, with receipts, is with the person.
        </Text>
        <EventList
          empty="Nobody agreed to texts to this number."
          items={page.consents.map((word) => describeLastWord(word, clock))}
        />
      </Card>
      <Card>
        <Heading level={2} id="opt-outs">
          Opt-outs
        </Heading>
        <EventList
          empty="This number never opted out."
          items={page.optOuts.map((optOut) => describeOptOut(optOut, clock))}
        />
        {page.hasOlderOptOuts ? <Text quiet>There are older ones.</Text> : null}
      </Card>
      <Card>
        <Heading level={2} id="attempts">
          Verification attempts
        </Heading>
        <EventList
          empty="Nobody asked for a code to this number."
          items={page.attempts.map((attempt) => describeSeenAttempt(attempt, shown))}
        />
        {page.hasOlderAttempts ? (
          <TextLink href={linkToVerifications({ about: page.about })} standalone>
            All attempts
          </TextLink>
        ) : null}
      </Card>
    </Page>
  );
}

function linkToPerson({ id, name }: PhonePerson) {
  return <TextLink href={`/admin/users/${id}`}>{name}</TextLink>;
}

function factsOf(page: PhonePage, clock: Required<Clock>): { term: string; detail: ReactNode }[] {
  const { holder, others, hasMoreOthers, stopped, undeliverableUntil } = page;
  const facts: { term: string; detail: ReactNode }[] = [
    { term: 'Number', detail: page.maskedPhone },
    {
      term: 'Holder',
      detail:
        holder === null ? (
          'Nobody has proven that it is theirs'
        ) : (
          <>
            {linkToPerson(holder)}, {holder.maskedEmail}
            {holder.since === null ? null : (
              <>
                , since <LogMoment at={holder.since} clock={clock} />
              </>
            )}
          </>
        ),
    },
  ];
  if (others.length > 0) {
    facts.push({
      term: 'Also on the account of',
      detail: (
        <>
          {others.map((person, index) => (
            <span key={person.id}>
              {index === 0 ? null : '; '}
              {linkToPerson(person)}, {person.maskedEmail}
            </span>
          ))}
          {hasMoreOthers ? '; and more' : null}
        </>
      ),
    });
  }
  facts.push({
    term: 'Takes our texts',
    detail:
      stopped === null ? (
        <Badge tone="success">Yes</Badge>
      ) : (
        <>
          <Badge tone="warning">Opted out</Badge> <LogMoment at={stopped.since} clock={clock} />
          {stopped.by === null ? null : `, by ${sayReason(stopped.by)}`}
        </>
      ),
  });
  if (undeliverableUntil !== null) {
    facts.push({
      term: 'Carrier',
      detail: (
        <>
          Says that it cannot be texted, which is believed until{' '}
          <LogMoment at={undeliverableUntil} clock={clock} />
        </>
      ),
    });
  }
  return facts;
}
