import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import { SiteNav } from '@/app/site-nav';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/EventList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { PrintButton } from '@/components/ui/PrintButton';
import { db } from '@/db/client';
import { requireUser } from '@/lib/auth/session';
import { listReceipts } from '@/lib/consent/receipts';
import { listTexts } from '@/lib/sms/outbox/history';
import { describeReceipt, describeText } from '../record-words';
import { readCursor, writeCursor } from './cursor';

export const metadata: Metadata = { title: 'My record of texts and agreements' };

const textsPerPage = 50;

/** What a person may print or keep: every text, every agreement. Older texts stand on the next page. */
export default async function RecordPage({
  searchParams,
}: {
  searchParams: Promise<{ before?: string | string[] }>;
}) {
  const user = await requireUser('/users/sms-preferences/record');
  const before = readCursor((await searchParams).before);
  // What is printed and kept says the year of every moment.
  const clock = { timeZone: await readPersonTimeZone(user) };
  const found = await listTexts(db(), user, { limit: textsPerPage + 1, before });
  const texts = found.slice(0, textsPerPage);
  const last = texts.at(-1);
  const receipts = await listReceipts(db(), user.userId);
  return (
    <Page nav={<SiteNav part="/users/sms-preferences" />}>
      <HeadingGroup>
        <Heading>My record</Heading>
        <Lead>
          For {user.name} ({user.email}), as of <Moment at={new Date()} clock={clock} />.
        </Lead>
      </HeadingGroup>
      <Stack gap="small">
        <PrintButton>Print this page</PrintButton>
        <LinkButton href="/users/sms-preferences/record/download">Download as JSON</LinkButton>
      </Stack>
      <Card>
        <Heading level={2}>What I agreed to</Heading>
        <EventList
          items={receipts.map((receipt) => describeReceipt(receipt, clock))}
          empty="You have not agreed to any texts yet."
        />
      </Card>
      <Card>
        <HeadingGroup>
          <Heading level={2}>Texts to me</Heading>
          <Text quiet>Newest first. We never keep codes, so they are not shown.</Text>
        </HeadingGroup>
        <EventList
          items={texts.map((text) => describeText(text, clock))}
          empty={before ? 'There are no older texts.' : 'We have not sent you any texts yet.'}
        />
        {last && found.length > textsPerPage ? (
          <LinkButton href={`/users/sms-preferences/record?before=${writeCursor(last)}`} wide>
            Older texts
          </LinkButton>
        ) : null}
      </Card>
    </Page>
  );
}
