import type { Metadata } from 'next';
import { linkTokenOf } from '@/app/_forms/link-token';
import { readRecoveryCookie } from '@/app/_cookies/recovery-cookie';
import { ResetPasswordForm } from '@/components/forms/entry/ResetPasswordForm';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Outcome } from '@/components/pages/Outcome';
import { Notice } from '@/components/ui/Notice';
import { OperatorContact } from '@/components/pages/OperatorNote';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { env } from '@/lib/env';
import { readLosesPhone } from '@/lib/auth/recovery/reset-password';
import { readLink } from '@/lib/mail/links';
import { isMailOn } from '@/lib/mail/outbox';
import { limits } from '@/lib/rate-limits/limits';
import { readRecovery } from '@/lib/sms/verification/recovery';
import { provenWithinDays } from '@/lib/sms/verification/send-recovery-codes';
import { linkWords } from '../link-words';
import { linkToSignIn, readTypedEmail } from '../typed-email';
import { resetPasswordAction } from './actions';

export const metadata: Metadata = { title: 'Choose a new password' };

const title = 'Your password is changed';
const doneWords = 'You are signed out everywhere. Sign in with the new password.';

/** What was done, by what the address says. */
const done: ReadonlyMap<unknown, { title: string; words: string }> = new Map([
  ['yes', { title, words: doneWords }],
  [
    'phone',
    {
      title,
      words: `${doneWords} Your email is confirmed now. It was not before, so we took the phone number off your account. You can add it again once you are in.`,
    },
  ],
]);

/** Where the link of a mail leads. Opening it changes nothing, because mail programs open links to look at them. */
export default async function ResetPasswordPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const search = await searchParams;
  const token = linkTokenOf(search);
  const outcome = done.get(search.done);
  if (search.link === undefined && search.done === undefined && !isMailOn()) return <ResetByText />;
  if (outcome !== undefined) {
    const email = readTypedEmail(search.email);
    return (
      <Page>
        <Outcome
          {...outcome}
          href={email === undefined ? '/users/login' : linkToSignIn(email).href}
          label="Sign in"
        />
      </Page>
    );
  }
  const read = await readLink(db(), token, ['reset'], databaseNow());
  if (!read.ok) {
    return (
      <Page>
        <Outcome {...linkWords[read.reason]} href="/users/forgot-password" label="Ask for a new link" />
      </Page>
    );
  }
  return (
    <Page>
      <HeadingGroup>
        <Heading>Choose a new password</Heading>
        <Lead>For the account with {read.link.email}. You will be signed out everywhere else.</Lead>
      </HeadingGroup>
      <Card>
        {(await readLosesPhone(db(), read.link)) ? (
          <Notice tone="warning" title="Your phone number will be taken off the account">
            This email was never confirmed, so someone else may have added the number. Changing the password
            confirms the email. You can add the number again as soon as you are signed in.
          </Notice>
        ) : null}
        <ResetPasswordForm action={resetPasswordAction} link={token} email={read.link.email} />
      </Card>
    </Page>
  );
}

/** Where a browser that asked for a code enters it; the same whether a text went out or not. */
async function ResetByText() {
  const token = await readRecoveryCookie();
  const recovery = token === null ? null : await readRecovery(db(), token, databaseNow());
  if (recovery === null) {
    return (
      <Page>
        <Outcome
          title="There is no open code"
          words="A code works for a few minutes, once, and only in the browser that asked for it. Your password was not changed."
          href="/users/forgot-password"
          label="Ask for a new code"
        />
      </Page>
    );
  }
  const { contact } = env().operator;
  const operator = contact === null ? 'the operator of this site' : <OperatorContact contact={contact} />;
  return (
    <Page>
      <HeadingGroup>
        <Heading>Choose a new password</Heading>
        <Lead>
          If there is an account with {recovery.email} and its phone was verified in the last{' '}
          {provenWithinDays} days, we have texted a code to that phone. It works for{' '}
          {limits.codeTtlSeconds / 60} minutes, in this browser only.
        </Lead>
      </HeadingGroup>
      <Card>
        <ResetPasswordForm action={resetPasswordAction} link={null} email={recovery.email} />
      </Card>
      <Text quiet>
        No text? Wait a minute, then <TextLink href="/users/forgot-password">ask for the code again</TextLink>
        . You can also contact {operator}.
      </Text>
    </Page>
  );
}
