import type { Metadata } from 'next';
import { linkWords } from '@/app/users/link-words';
import { EnrollForm } from '@/components/forms/factors/EnrollForm';
import { Outcome } from '@/components/pages/Outcome';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readEnrollLink } from '@/lib/auth/two-factor/enroll-by-link';
import { enrollAction } from './actions';

export const metadata: Metadata = { title: 'Set up your second factor' };

/** Where the link of a mail leads. Opening it changes nothing, because mail programs open links to look at them. */
export default async function EnrollPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { link: token } = await searchParams;
  const read = await readEnrollLink(db(), typeof token === 'string' ? token : '', databaseNow());
  if (!read.ok) {
    const { title, words } = linkWords[read.reason];
    return (
      <Page>
        <Outcome title={title} words={words} href="/users/login" label="Sign in" />
      </Page>
    );
  }
  const { email, removesFactors } = read.link;
  return (
    <Page>
      <HeadingGroup>
        <Heading>Set up your second factor</Heading>
        <Lead>
          {removesFactors
            ? 'An admin started this because you lost the device or the codes that you sign in with. The ones that your account has are removed, and you are signed out everywhere. Then you set up new ones.'
            : 'Your account has to be protected by something that only you have, besides your password.'}
        </Lead>
      </HeadingGroup>
      <Card>
        <EnrollForm
          action={enrollAction}
          link={token as string}
          email={email}
          submitLabel={removesFactors ? 'Remove the old ones and continue' : 'Continue'}
        />
      </Card>
    </Page>
  );
}
