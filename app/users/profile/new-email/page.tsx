import type { Metadata } from 'next';
import { linkTokenOf } from '@/app/_forms/link-token';
import { SiteNav } from '@/app/site-nav';
import { linkWords } from '@/app/users/link-words';
import { ActionForm } from '@/components/forms/ActionForm';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser } from '@/lib/auth/sign-in/session';
import { readLink } from '@/lib/mail/links';
import { takeNewEmailAction } from './actions';

export const metadata: Metadata = { title: 'Your new email' };

/** Where the link of a mail leads. It takes the session of the account, so a link that was lent out changes nothing. */
export default async function NewEmailPage({
  searchParams,
}: {
  searchParams: Promise<{ link?: string | string[] }>;
}) {
  const user = await readUser();
  const token = linkTokenOf(await searchParams);
  const read = await readLink(db(), token, ['change_email'], databaseNow());
  const isTheirs = read.ok && user?.userId === read.link.userId;
  const { title, words } = !read.ok
    ? linkWords[read.reason]
    : {
        title: 'Your new email',
        words: isTheirs
          ? `Once you confirm, you sign in with ${read.link.email}. We tell the address that you have now.`
          : 'Sign in to the account that you want to change, in this browser. Then open the link of the email again.',
      };
  return (
    <Page nav={<SiteNav part="/users/profile" />}>
      <Card>
        <HeadingGroup>
          <Heading>{title}</Heading>
          <Lead>{words}</Lead>
        </HeadingGroup>
        {isTheirs ? (
          <ActionForm
            action={takeNewEmailAction}
            label="Use this email"
            variant="primary"
            fields={{ link: token }}
          />
        ) : (
          <LinkButton href={user ? '/users/profile' : '/users/login'} variant="primary" wide>
            {user ? 'Go to your profile' : 'Sign in'}
          </LinkButton>
        )}
      </Card>
    </Page>
  );
}
