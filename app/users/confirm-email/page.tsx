import type { Metadata } from 'next';
import { linkTokenOf } from '@/app/_forms/link-token';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { ConfirmEmailForm } from '@/components/forms/entry/ConfirmEmailForm';
import { Card } from '@/components/ui/Card';
import { Disclosure } from '@/components/ui/Disclosure';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { Outcome } from '@/components/pages/Outcome';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser } from '@/lib/auth/sign-in/session';
import { readLink } from '@/lib/mail/links';
import { linkWords } from '../link-words';
import { confirmEmailAction, disownAccountAction } from './actions';

export const metadata: Metadata = { title: 'Confirm your email' };

/** What a link did, once it is done; the address of the page holds its token no more. */
const done: ReadonlyMap<string, { title: string; words: string }> = new Map([
  ['confirmed', { title: 'Your email is confirmed', words: 'Thank you. There is nothing else to do here.' }],
  [
    'closed',
    {
      title: 'The account is closed',
      words:
        'Nobody can use it anymore, and its texts have stopped. Your email is free for an account of your own.',
    },
  ],
]);

/** Where the link of a mail leads. Opening it changes nothing, because mail programs open links to look at them. */
export default async function ConfirmEmailPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const user = await readUser();
  const search = await searchParams;
  const token = linkTokenOf(search);
  const outcome = search.done;
  const settled = typeof outcome === 'string' ? done.get(outcome) : undefined;
  const read = await readLink(db(), token, ['confirm'], databaseNow());
  if (settled !== undefined || !read.ok) {
    const { title, words } = settled ?? linkWords[read.ok ? 'unknown' : read.reason];
    const isClosed = outcome === 'closed' && settled !== undefined;
    const signedOut = isClosed
      ? { href: '/users/register/applicant', label: 'Create an account' }
      : { href: '/users/login', label: 'Sign in' };
    return (
      <Page nav={<SiteNav />}>
        <Outcome
          title={title}
          words={words}
          {...(user ? { href: '/dashboard', label: 'Go to the dashboard' } : signedOut)}
        />
      </Page>
    );
  }
  const { email, userId } = read.link;
  return (
    <Page nav={<SiteNav />}>
      <HeadingGroup>
        <Heading>Confirm your email</Heading>
        <Lead>Show that {email} is yours. Nobody else can then use it for an account.</Lead>
      </HeadingGroup>
      <Card>
        <ConfirmEmailForm action={confirmEmailAction} link={token} askPassword={user?.userId !== userId} />
        <Disclosure summary="I did not make this account">
          <Stack>
            <Text quiet>
              Then someone else used your email. We will close the account: nobody can sign in to it anymore,
              and its texts stop. This cannot be undone.
            </Text>
            <ActionForm
              action={disownAccountAction}
              label="Close this account"
              variant="danger"
              fields={{ link: token }}
            />
          </Stack>
        </Disclosure>
      </Card>
    </Page>
  );
}
