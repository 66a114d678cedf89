import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { cache, type ReactNode } from 'react';
import { AdminNav } from '@/app/admin/admin-nav';
import { describeLastWord, describeOptOut, sayMedium } from '@/app/admin/consent-words';
import { NumberLimits } from '@/app/admin/limit-facts';
import { linkToMessages } from '@/app/admin/messages/messages-query';
import { NextTexts } from '@/app/admin/next-texts';
import { linkToPacks } from '@/app/admin/packs/packs-path';
import { revealNote } from '@/app/admin/reveal-words';
import { describeSeenAttempt, describeSeenText } from '@/app/admin/text-events';
import { linkToVerifications } from '@/app/admin/verifications/verifications-query';
import { LogMoment } from '@/app/_format/log-moment';
import { sayDoubt } from '@/app/_format/phone-words';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Fold } from '@/components/ui/Fold';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { EventList } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { Columns } from '@/components/ui/Columns';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readPhonePage, type PhonePage, type PhonePerson } from '@/lib/reporting/phone-page';
import { revealNumberAction } from '../actions';
import { phonesPath } from '../phone-link';
import { sayStopped } from '@/app/_format/say-stopped';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const user = await readUser();
  if (user?.role !== 'admin') return { title: 'Not allowed' };
  const { page } = await readShown((await params).id, user.userId);
  return { title: page === null ? 'Phone number' : `Number ${page.maskedPhone}` };
}

type Props = { params: Promise<{ id: string }> };

/** Read once, for the page and for its title. */
const readShown = cache(async (id: string, adminId: string) => {
  const now = databaseNow();
  return { page: await readPhonePage(db(), id, { adminId, now }), now };
});

/** All that is known of one number, which is masked: whose it is, why the next code would not come, and what came. */
export default async function NumberPage({ params }: Props) {
  const admin = await requireRole(`${phonesPath}/${(await params).id}`, 'admin');
  const { page, now } = await readShown((await params).id, admin.userId);
  if (page === null) notFound();
  const clock = { timeZone: page.timeZone, now };
  const shown = { clock, withNumber: false };
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>{page.maskedPhone}</Heading>
        <Lead>
          {isUnheardOf(page)
            ? 'We know nothing of this number: no account has it, and no text or code went to it. See whether a digit is wrong.'
            : 'Everything about one phone number.'}
        </Lead>
      </HeadingGroup>
      <AdminNav here="messages" />
      <Columns
        even
        first={
          <>
            <Card label="Number">
              <Heading level={2}>The number</Heading>
              <Stack>
                <FactList facts={factsOf(page, clock)} />
                <ActionForm
                  action={revealNumberAction}
                  label="Reveal"
                  fields={{ phoneId: page.id }}
                  note={`Shows the whole number. ${revealNote}`}
                />
                <TextLink href={linkToPacks({ phone: page.id })} standalone>
                  Make an evidence pack
                </TextLink>
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
            <Card label="Limits" id="limits">
              <Fold title="Limits" note="What is left" heads>
                <NumberLimits limits={page.limits} clock={clock} />
              </Fold>
            </Card>
          </>
        }
        second={
          <>
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
          </>
        }
      />
    </Page>
  );
}

function linkToPerson({ id, name }: PhonePerson) {
  return <TextLink href={`/admin/users/${id}`}>{name}</TextLink>;
}

/** Whether nothing at all is known, as of a number that was typed wrong. */
function isUnheardOf({ holder, others, stopped, texts, attempts, consents, optOuts }: PhonePage): boolean {
  return (
    holder === null &&
    stopped === null &&
    [others, texts, attempts, consents, optOuts].every(({ length }) => length === 0)
  );
}

function factsOf(page: PhonePage, clock: Required<Clock>): { term: string; detail: ReactNode }[] {
  const { holder, others, hasMoreOthers, stopped, undeliverableUntil, doubt } = page;
  const facts: { term: string; detail: ReactNode }[] = [
    { term: 'Number', detail: page.maskedPhone },
    {
      term: 'Holder',
      detail:
        holder === null ? (
          'Nobody has proven that it is theirs'
        ) : (
          <>
            {linkToPerson(holder)}, {holder.email}
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
              {linkToPerson(person)}, {person.email}
            </span>
          ))}
          {hasMoreOthers ? '; and more' : null}
        </>
      ),
    });
  }
  facts.push({
    term: 'Opt-out',
    detail:
      stopped === null ? (
        'It has not opted out'
      ) : (
        <>
          <Badge tone="warning">{sayStopped(stopped.texts ?? 'codes')}</Badge>{' '}
          <LogMoment at={stopped.since} clock={clock} />
          {stopped.by === null ? null : `, ${sayMedium(stopped.by)}`}
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
  if (doubt !== null) {
    facts.push({
      term: 'In doubt',
      detail: (
        <>
          <Badge tone="warning">To be verified again</Badge> {sayDoubt(doubt)}{' '}
          {doubt.reason === 'dead_number' ? (
            <>
              The last time was <LogMoment at={doubt.since} clock={clock} />.{' '}
            </>
          ) : null}
          Updates wait until its holder enters a new code. Consent and opt-outs stay as they are.
        </>
      ),
    });
  }
  return facts;
}
