import type { Metadata } from 'next';
import { headers } from 'next/headers';
import { notFound } from 'next/navigation';
import { Moment } from '@/app/_format/moment';
import { Card } from '@/components/ui/Card';
import { FactList } from '@/components/ui/lists/FactList';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { env } from '@/lib/env';
import { isDevMailOpen, listDevMails } from '@/lib/mail/dev-mails';
import styles from './mail.module.css';

export const metadata: Metadata = { title: 'Development mail' };

/** The mails that the console backend has printed, the latest first. */
export default async function DevMailPage() {
  if (!isDevMailOpen(env(), await headers())) notFound();
  const mails = await listDevMails(db());
  const clock = { timeZone: null, now: databaseNow() };
  return (
    <Page>
      <HeadingGroup>
        <Heading>Development mail</Heading>
        <Lead>Mail does not leave this machine. It arrives here, and in the terminal.</Lead>
      </HeadingGroup>
      {mails.length === 0 ? (
        <Text quiet>No mail yet. Register someone, then open this page again.</Text>
      ) : null}
      {mails.map(({ id, to, at, subject, text, url }) => (
        <Card key={id}>
          <Heading level={2}>{subject}</Heading>
          <FactList
            facts={[
              { term: 'To', detail: to },
              { term: 'Sent', detail: <Moment at={at} clock={clock} /> },
            ]}
          />
          <pre className={styles.body}>{text}</pre>
          {url === null ? null : <LinkButton href={url}>Open the link</LinkButton>}
        </Card>
      ))}
    </Page>
  );
}
