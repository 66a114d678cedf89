import { Card } from '@/components/Card';
import { Heading, HeadingGroup, Lead, Stack } from '@/components/Heading';
import { LinkButton } from '@/components/LinkButton';
import { Page } from '@/components/Page';

/** The front door: create an account or sign in. */
export default function HomePage() {
  return (
    <Page>
      <Card>
        <HeadingGroup>
          <Heading>Your application starts here</Heading>
          <Lead>Create an account in two minutes, or sign in to see how your application is doing.</Lead>
        </HeadingGroup>
        <Stack gap="small">
          <LinkButton href="/users/register/applicant" variant="primary" wide>
            Create account
          </LinkButton>
          <LinkButton href="/users/login" wide>
            Sign in
          </LinkButton>
        </Stack>
      </Card>
    </Page>
  );
}
