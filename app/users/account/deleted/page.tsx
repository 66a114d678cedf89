import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';

export const metadata: Metadata = { title: 'Your account is deleted' };

export default function AccountDeletedPage() {
  return (
    <Page nav={<SiteNav />}>
      <Card>
        <HeadingGroup>
          <Heading>Your account is deleted</Heading>
          <Lead>If your account had a phone number, we will not text it anymore.</Lead>
        </HeadingGroup>
        <Text>
          Applications that you submitted stay with us, without your account’s name and email. Those that were
          not decided are withdrawn. You can register again at any time.
        </Text>
        <LinkButton href="/" wide>
          Go to the front page
        </LinkButton>
      </Card>
    </Page>
  );
}
