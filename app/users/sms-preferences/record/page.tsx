import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import { SiteNav } from '@/app/site-nav';
import { ExportRefused } from '@/app/users/export-refused';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/lists/EventList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { PrintButton } from '@/components/ui/PrintButton';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { requireUser } from '@/lib/auth/sign-in/session';
import { readRecordPage, type RecordPlace } from '@/lib/sms/preferences/record-page';
import { describeReceipt, describeText, listWordings } from '../record-words';
import { readCursor, readReceiptCursor, writeCursor } from './cursor';

export const metadata: Metadata = { title: 'My record' };

/** What a person may print or keep: every text, every agreement. Older ones of either are on the next page. */
export default async function RecordPage({
  searchParams,
}: {
  searchParams: Promise<Partial<Record<'before' | 'agreementsBefore' | 'refused', string | string[]>>>;
}) {
  const user = await requireUser('/users/sms-preferences/record');
  const asked = await searchParams;
  const before = { texts: readCursor(asked.before), receipts: readReceiptCursor(asked.agreementsBefore) };
  const page = await readRecordPage(db(), user, before);
  const { timeZone, texts, olderTexts, receipts, olderReceipts } = page;
  // What is printed and kept says the year of every moment.
  const clock = { timeZone };
  const now = databaseNow();
  const wordings = listWordings(receipts);
  return (
    <Page nav={<SiteNav part="/users/sms-preferences" />}>
      <HeadingGroup>
        <Heading>My record</Heading>
        <Lead>
          For {user.name} ({user.email}), as of <Moment at={now} clock={clock} />.
        </Lead>
      </HeadingGroup>
      <ExportRefused user={user} refused={asked.refused} clock={{ timeZone, now }} />
      <Stack gap="small">
        <PrintButton>Print this page</PrintButton>
        <LinkButton href="/users/sms-preferences/record/download">Download as JSON</LinkButton>
      </Stack>
      <Card>
        <Heading level={2}>What I agreed to</Heading>
        <EventList
          items={receipts.map((receipt) => describeReceipt(receipt, clock, wordings))}
          empty={before.receipts ? 'There are no older agreements.' : 'You have not agreed to any texts yet.'}
        />
        {wordings.map(({ id, title, wording }) => (
          <Stack key={id} gap="small">
            <Heading level={3} id={id}>
              {title}
            </Heading>
            <Text quiet>“{wording}”</Text>
          </Stack>
        ))}
        {olderReceipts ? (
          <LinkButton href={hrefOf({ ...before, receipts: olderReceipts })} wide>
            Older agreements
          </LinkButton>
        ) : null}
      </Card>
      <Card>
        <HeadingGroup>
          <Heading level={2}>Texts to me</Heading>
          <Text quiet>Newest first. We never keep codes, so they are not shown.</Text>
        </HeadingGroup>
        <EventList
          items={texts.map((text) => describeText(text, clock))}
          empty={before.texts ? 'There are no older texts.' : 'We have not sent you any texts yet.'}
        />
        {olderTexts ? (
          <LinkButton href={hrefOf({ ...before, texts: olderTexts })} wide>
            Older texts
          </LinkButton>
        ) : null}
      </Card>
    </Page>
  );
}

/** The page on which both lists go on from where they were left. */
function hrefOf({ texts, receipts }: RecordPlace): string {
  const query = new URLSearchParams({
    ...(texts && { before: writeCursor(texts) }),
    ...(receipts !== null && { agreementsBefore: String(receipts) }),
  });
  return `/users/sms-preferences/record?${query}`;
}
