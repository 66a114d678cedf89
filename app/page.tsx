import { redirect } from 'next/navigation';
import { readPendingCookie } from '@/app/_cookies/pending-cookie';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Stack } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readPending } from '@/lib/accounts/pending';
import { readUser } from '@/lib/auth/sign-in/session';

/** The front door: create an account, sign in, or go on where this browser left off. Without a cookie nothing is asked. */
export default async function HomePage() {
  if (await readUser()) redirect('/dashboard');
  const token = await readPendingCookie();
  const isPending = token !== null && (await readPending(db(), token, databaseNow())) !== null;
  return (
    <Page>
      <Card>
        {isPending ? (
          <>
            <HeadingGroup>
              <Heading>You are almost there</Heading>
              <Lead>Your account is ready. Verify your phone to open it.</Lead>
            </HeadingGroup>
            <Stack gap="small">
              <LinkButton href="/users/verify-phone" variant="primary" wide>
                Continue verification
              </LinkButton>
              <LinkButton href="/users/login" wide>
                Sign in to another account
              </LinkButton>
            </Stack>
          </>
        ) : (
          <>
            <HeadingGroup>
              <Heading>Your application starts here</Heading>
              <Lead>Create an account in about a minute, or sign in to check on your application.</Lead>
            </HeadingGroup>
            <Stack gap="small">
              <LinkButton href="/users/register/applicant" variant="primary" wide>
                Create account
              </LinkButton>
              <LinkButton href="/users/login" wide>
                Sign in
              </LinkButton>
            </Stack>
          </>
        )}
      </Card>
    </Page>
  );
}
