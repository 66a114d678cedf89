import type { Metadata } from 'next';
import { linkTokenOf } from '@/app/_forms/link-token';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readLink } from '@/lib/mail/links';
import { linkWords } from '../link-words';
import { notMeAction } from './actions';

export const metadata: Metadata = { title: 'This was not me' };

const done = {
  title: 'Your account is safe again',
  words:
    'Everyone is signed out, and the old password opens nothing. Your email and phone number are the ones you had, and second factors that were added are removed. The number has to be verified again if it was changed. We sent you a link to choose a new password: take one that you have never used before.',
};

const closed = {
  title: 'That account is closed',
  words:
    'Another account has your email by now, so it could not be put back. Nobody can use the old account anymore. Sign in to the other one, or reset its password.',
};

/** Where the link of a notice leads. Opening it changes nothing, because mail programs open links to look at them. */
export default async function NotMePage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const search = await searchParams;
  const token = linkTokenOf(search);
  const outcome = search.done;
  const read = await readLink(db(), token, ['not_me'], databaseNow());
  const isDone = outcome === 'yes';
  const settled = isDone ? done : outcome === 'closed' ? closed : read.ok ? null : linkWords[read.reason];
  return (
    <Page nav={<SiteNav />}>
      <Card>
        <HeadingGroup>
          <Heading>{settled?.title ?? 'This was not me'}</Heading>
          <Lead>
            {settled?.words ??
              'We will sign everyone out, put the email and phone number of before the last 7 days back, remove second factors that were added since, and send you a link to choose a new password.'}
          </Lead>
        </HeadingGroup>
        {settled === null ? (
          <ActionForm
            action={notMeAction}
            label="Protect my account"
            variant="danger"
            fields={{ link: token }}
          />
        ) : (
          <LinkButton href="/users/forgot-password" variant="primary" wide>
            {isDone ? 'Send the link again' : 'Reset my password'}
          </LinkButton>
        )}
      </Card>
    </Page>
  );
}
