import type { Metadata } from 'next';
import { sayTab } from '@/app/_format/tab-title';
import { notFound } from 'next/navigation';
import { describeOptOut, describeProof } from '@/app/admin/consent-words';
import { NumberLimits, SpendLimits } from '@/app/admin/limit-facts';
import { linkToMessages } from '@/app/admin/messages/messages-query';
import { NextTexts } from '@/app/admin/next-texts';
import { PhoneLink } from '@/app/admin/phones/phone-link';
import { describeSeenAttempt, describeSeenText } from '@/app/admin/text-events';
import { linkToVerifications } from '@/app/admin/verifications/verifications-query';
import { SiteNav } from '@/app/site-nav';
import { PhoneState } from '@/components/sms/PhoneState';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Fold } from '@/components/ui/Fold';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { EventList } from '@/components/ui/lists/EventList';
import { FactList } from '@/components/ui/lists/FactList';
import { Pager } from '@/components/ui/lists/Pager';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { Columns } from '@/components/ui/Columns';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { sealSubject } from '@/lib/reporting/message-subject';
import { readPersonTexts } from '@/lib/reporting/person-texts';
import { readReceiptCursor } from '@/app/users/sms-preferences/record/cursor';
import { peoplePath } from '../../people-query';
import { sayStopped } from '@/app/_format/say-stopped';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? sayTab('Texts of person', (await params).id) : 'Not allowed' };
}

type Props = {
  params: Promise<{ id: string }>;
  searchParams: Promise<{ before?: string | string[] }>;
};

/** All about the texts of one person: why the next would not come, what came, what they agreed to, and what is left of their limits. */
export default async function PersonTextsPage({ params, searchParams }: Props) {
  const admin = await requireRole(`${peoplePath}/${(await params).id}/texts`, 'admin');
  const receiptsBefore = readReceiptCursor((await searchParams).before);
  const now = databaseNow();
  const page = await readPersonTexts(db(), (await params).id, { adminId: admin.userId, receiptsBefore, now });
  if (page === null) notFound();
  const { name, number, timeZone } = page;
  const clock = { timeZone, now };
  const shown = { clock, withNumber: true };
  const here = `${peoplePath}/${page.id}/texts`;
  const about = sealSubject({ kind: 'person', id: page.id });
  return (
    <Page wide nav={<SiteNav part="/admin/users" />}>
      <HeadingGroup>
        <Heading>Texts of {name}</Heading>
        <Lead>
          <TextLink href={`${peoplePath}/${page.id}`}>{name}</TextLink>
        </Lead>
      </HeadingGroup>
      <Columns
        even
        first={
          <>
            <Card>
              <Heading level={2} id="next">
                What keeps the next text back?
              </Heading>
              {number === null ? (
                <Text>They have no number, so no text can go to them.</Text>
              ) : (
                <Stack>
                  <FactList
                    facts={[
                      {
                        term: 'Phone',
                        detail: (
                          <>
                            <PhoneState state={number.state} phone={<PhoneLink of={number} />} />
                            {number.stopped ? (
                              <Badge tone="warning">{sayStopped(number.stopped)}</Badge>
                            ) : null}
                          </>
                        ),
                      },
                    ]}
                  />
                  <Text quiet>Every rule is asked as of now, as it is when a text goes out.</Text>
                  <NextTexts next={page.next} clock={clock} />
                </Stack>
              )}
            </Card>
            <Card label="Limits" id="limits">
              <Fold title="Limits" note="What is left" heads>
                <Stack>
                  <SpendLimits spend={page.spend} />
                  {number === null ? null : <NumberLimits limits={page.limits} clock={clock} />}
                </Stack>
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
                empty="No text went to them or came from them."
                items={page.texts.map((text) => describeSeenText(text, shown))}
              />
              {page.hasOlderTexts ? (
                <TextLink href={linkToMessages({ about })} standalone>
                  All texts
                </TextLink>
              ) : null}
            </Card>
            <Card>
              <Heading level={2} id="consents">
                Consents
              </Heading>
              <EventList
                empty={receiptsBefore === null ? 'They never agreed to texts.' : 'There are no older ones.'}
                items={page.receipts.map((receipt) => describeProof(receipt, clock))}
              />
              <Pager
                label="Consents"
                newestHref={receiptsBefore === null ? null : `${here}#consents`}
                olderHref={
                  page.olderReceipts === null ? null : `${here}?before=${page.olderReceipts}#consents`
                }
              />
            </Card>
            <Card>
              <Heading level={2} id="opt-outs">
                Opt-outs at their number
              </Heading>
              <EventList
                empty={number === null ? 'They have no number.' : 'Their number never opted out.'}
                items={page.optOuts.map((optOut) => describeOptOut(optOut, clock))}
              />
              {page.hasOlderOptOuts ? <Text quiet>There are older ones.</Text> : null}
            </Card>
            <Card>
              <Heading level={2} id="attempts">
                Verification attempts
              </Heading>
              <EventList
                empty="They never asked for a code."
                items={page.attempts.map((attempt) => describeSeenAttempt(attempt, shown))}
              />
              {page.hasOlderAttempts ? (
                <TextLink href={linkToVerifications({ about })} standalone>
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
