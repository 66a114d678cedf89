import type { Metadata } from 'next';
import { sayMoment } from '@/app/say-moment';
import { Card } from '@/components/Card';
import { EventList } from '@/components/EventList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/Heading';
import { LinkButton } from '@/components/LinkButton';
import { Page } from '@/components/Page';
import { PrintButton } from '@/components/PrintButton';
import { TextLink } from '@/components/TextLink';
import { db } from '@/db/client';
import { requireUser } from '@/lib/auth/session';
import { listReceipts } from '@/lib/consent/receipts';
import { listTexts } from '@/lib/sms/history';
import { requirePreferences } from '@/lib/sms/preferences';
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
  const { timeZone } = await requirePreferences(db(), user.userId);
  const found = await listTexts(db(), user, { limit: textsPerPage + 1, before });
  const texts = found.slice(0, textsPerPage);
  const last = texts.at(-1);
  const receipts = await listReceipts(db(), user.userId);
  return (
    <Page actions={<TextLink href="/users/sms-preferences">SMS preferences</TextLink>}>
      <HeadingGroup>
        <Heading>My record</Heading>
        <Lead>
          Of {user.name}, {user.email}. As of {sayMoment(new Date(), timeZone)}.
        </Lead>
      </HeadingGroup>
      <Stack gap="small">
        <PrintButton>Print this page</PrintButton>
        <LinkButton href="/users/sms-preferences/record/download">Download as JSON</LinkButton>
      </Stack>
      <Card>
        <Heading level={2}>What I agreed to</Heading>
        <EventList
          items={receipts.map((receipt) => describeReceipt(receipt, timeZone))}
          empty="You have not agreed to any texts, and withdrawn nothing."
        />
      </Card>
      <Card>
        <HeadingGroup>
          <Heading level={2}>Texts to me</Heading>
          <Text quiet>Newest first. Codes are kept nowhere, so they are not here either.</Text>
        </HeadingGroup>
        <EventList
          items={texts.map((text) => describeText(text, timeZone))}
          empty={before ? 'There are no older ones.' : 'We have not sent you any text yet.'}
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
