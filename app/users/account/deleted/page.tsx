import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';

export const metadata: Metadata = { title: 'Your account is deleted' };

export default function AccountDeletedPage() {
  return (
    <Page nav={<SiteNav />}>
      <Card>
        <HeadingGroup>
          <Heading>Your account is deleted</Heading>
          <Lead>We will not text your number anymore. You can register again at any time.</Lead>
        </HeadingGroup>
        <LinkButton href="/" wide>
          Go to the front page
        </LinkButton>
      </Card>
    </Page>
  );
}
