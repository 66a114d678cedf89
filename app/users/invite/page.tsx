import type { Metadata } from 'next';
import { linkTokenOf } from '@/app/_forms/link-token';
import { SiteNav } from '@/app/site-nav';
import { AcceptInvitationForm } from '@/components/forms/entry/AcceptInvitationForm';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { Outcome } from '@/components/pages/Outcome';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readInvitation } from '@/lib/auth/admin/accept-invitation';
import { readUser } from '@/lib/auth/sign-in/session';
import { acceptInvitationAction } from './actions';
import { invitationWords } from './invitation-words';

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

const title = 'Create your account';

/** Named as its heading. */
export async function generateMetadata({ searchParams }: Props): Promise<Metadata> {
  const read = await readInvitation(db(), linkTokenOf(await searchParams), databaseNow());
  return { title: read.ok ? title : invitationWords[read.reason].title };
}

const roleWords = {
  applicant: 'as an applicant',
  broker: 'as a broker',
  staff: 'as a member of staff',
  admin: 'as an admin',
} as const;

/** Where the link of an invitation leads. Opening it changes nothing, because mail programs open links to look at them. */
export default async function InvitationPage({ searchParams }: Props) {
  const user = await readUser();
  const token = linkTokenOf(await searchParams);
  const read = await readInvitation(db(), token, databaseNow());
  if (!read.ok) {
    const refused = invitationWords[read.reason];
    return (
      <Page nav={<SiteNav />}>
        <Outcome
          title={refused.title}
          words={refused.words}
          href={user ? '/dashboard' : '/users/login'}
          label={user ? 'Go to the dashboard' : 'Sign in'}
        />
      </Page>
    );
  }
  const { email, name, role } = read.invitation;
  return (
    <Page nav={<SiteNav />}>
      <HeadingGroup>
        <Heading>{title}</Heading>
        <Lead>
          You are invited {roleWords[role]}.
          {role === 'applicant'
            ? null
            : ' Once you have chosen a password, you set up a second factor: a passkey, an authenticator app or the like.'}
        </Lead>
      </HeadingGroup>
      {user && user.email !== email ? (
        <Notice title={`You are signed in as ${user.email}`}>
          When you create this account, this browser is signed in to it instead.
        </Notice>
      ) : null}
      <Card>
        <AcceptInvitationForm action={acceptInvitationAction} link={token} email={email} name={name} />
      </Card>
    </Page>
  );
}
