import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';

/** The answer to a role that may not; its title is given by the page that refuses. */
export default function Forbidden() {
  return (
    <Page nav={<SiteNav />}>
      <Card>
        <HeadingGroup>
          <Heading>You cannot open this page</Heading>
          <Lead>You are signed in, but your account does not have access to it. Nothing was changed.</Lead>
        </HeadingGroup>
        <LinkButton href="/dashboard" variant="primary" wide>
          Go to my dashboard
        </LinkButton>
      </Card>
    </Page>
  );
}
