import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { linkTokenOf } from '@/app/_forms/link-token';
import { readServedNumbers, sayPhoneHint } from '@/app/_format/phone-words';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { RegistrationForm } from '@/components/forms/entry/RegistrationForm';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readPendingCookie } from '@/app/_cookies/pending-cookie';
import { readPending } from '@/lib/accounts/pending';
import { readUser } from '@/lib/auth/sign-in/session';
import { currentWording } from '@/lib/consent/current-wording';
import { readLink } from '@/lib/mail/links';
import { isSmsDelayed } from '@/lib/sms/delivery/outage';
import { linkWords } from '../../link-words';
import { registerAction } from './actions';

export const metadata: Metadata = { title: 'Create your account' };

/** `link`: of a mail that opens an account at an address whose earlier account never confirmed it. */
export default async function RegisterApplicantPage({
  searchParams,
}: {
  searchParams: Promise<{ link?: string | string[] }>;
}) {
  if (await readUser()) redirect('/dashboard');
  const token = linkTokenOf(await searchParams);
  const now = databaseNow();
  const claim = token !== '' ? await readLink(db(), token, ['claim'], now) : null;
  const isVerifying = await isPending(now);
  return (
    <Page>
      <HeadingGroup>
        <Heading>Create your account</Heading>
        <Lead>It takes about a minute.</Lead>
      </HeadingGroup>
      {isVerifying ? (
        <Notice title="Your account waits for its code">
          You created one in this browser.{' '}
          <TextLink href="/users/verify-phone">Continue verification</TextLink>, or create another account
          below.
        </Notice>
      ) : null}
      {claim?.ok ? (
        <Notice title="This email is yours">
          When you create your account, the earlier one with {claim.link.email} will be closed. Nothing of it
          will be in yours. Is the earlier one yours, too? Then{' '}
          <TextLink href="/users/login">sign in</TextLink> instead.
        </Notice>
      ) : null}
      {claim?.ok === false ? (
        <Notice tone="warning" title={linkWords[claim.reason].title}>
          {claim.reason === 'used' ? (
            <>
              Your account was created with it: <TextLink href="/users/login">sign in</TextLink>.
            </>
          ) : (
            <>{linkWords[claim.reason].words} To get a new link, enter your email below.</>
          )}
        </Notice>
      ) : null}
      <Card>
        <RegistrationForm
          action={registerAction}
          wording={currentWording()}
          phoneHint={sayPhoneHint()}
          served={readServedNumbers()}
          smsDelayed={await isSmsDelayed(db(), now)}
          claim={claim?.ok ? { link: token, email: claim.link.email } : undefined}
        />
      </Card>
      <Text quiet>
        Already have an account? <TextLink href="/users/login">Sign in</TextLink>
      </Text>
    </Page>
  );
}

/** Whether this browser has an account to finish, as after Back from the code page. */
async function isPending(now: Date): Promise<boolean> {
  const token = await readPendingCookie();
  return token !== null && (await readPending(db(), token, now)) !== null;
}
