import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';

export const metadata: Metadata = { title: 'Page not found' };

export default function NotFound() {
  return (
    <Page nav={<SiteNav />}>
      <Card>
        <HeadingGroup>
          <Heading>There is no page here</Heading>
          <Lead>
            The address may have a typo, or the page may have moved. Nothing in your account has changed.
          </Lead>
        </HeadingGroup>
        <LinkButton href="/" variant="primary" wide>
          Go to the front page
        </LinkButton>
      </Card>
    </Page>
  );
}
