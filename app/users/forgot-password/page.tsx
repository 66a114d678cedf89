import type { Metadata } from 'next';
import { OperatorContact } from '@/components/pages/OperatorNote';
import { ForgotPasswordForm } from '@/components/forms/entry/ForgotPasswordForm';
import { Card } from '@/components/ui/Card';
import { FocusOnOutcome } from '@/components/ui/FocusOnArrival';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { env } from '@/lib/env';
import { sayLinkLife } from '@/lib/mail/links';
import { isMailOn } from '@/lib/mail/outbox';
import { provenWithinDays } from '@/lib/sms/verification/send-recovery-codes';
import { readTypedEmail } from '../typed-email';
import { forgotPasswordAction } from './actions';

export const metadata: Metadata = { title: 'Forgot your password?' };

export default async function ForgotPasswordPage({
  searchParams,
}: {
  searchParams: Promise<Record<'sent' | 'email', string | string[] | undefined>>;
}) {
  const { sent, email } = await searchParams;
  const { contact } = env().operator;
  const operator = contact === null ? 'the operator of this site' : <OperatorContact contact={contact} />;
  if (sent === 'yes') {
    const typed = readTypedEmail(email);
    return (
      <Page>
        <Card>
          <FocusOnOutcome />
          <HeadingGroup>
            <Heading>Check your email</Heading>
            <Lead>
              If there is an account with {typed ?? 'that address'}, we have sent it a link to choose a new
              password.
            </Lead>
          </HeadingGroup>
          <Text quiet>
            The link works for {sayLinkLife('reset')}. Nothing there? Look in the spam folder, and check that
            this is the address of your account.
            {contact === null ? null : <> You can also contact {operator}.</>}
          </Text>
          <TextLink href="/users/forgot-password" standalone>
            Use another email
          </TextLink>
          <TextLink href="/users/login" standalone>
            Back to sign-in
          </TextLink>
        </Card>
      </Page>
    );
  }
  return (
    <Page>
      <HeadingGroup>
        <Heading>Forgot your password?</Heading>
        <Lead>
          {isMailOn()
            ? 'Enter the email of your account. We will send you a link to choose a new password.'
            : 'Enter the email of your account. We will text a code to your phone, with which you can choose a new password.'}
        </Lead>
      </HeadingGroup>
      <Card>
        <ForgotPasswordForm
          action={forgotPasswordAction}
          email={readTypedEmail(email)}
          label={isMailOn() ? 'Send me a link' : 'Text me a code'}
        />
        {isMailOn() ? null : (
          <Text quiet>
            This works for a phone that you verified in the last {provenWithinDays} days. With another one, or
            none, contact {operator}.
          </Text>
        )}
      </Card>
      <Text quiet>
        Remembered it? <TextLink href="/users/login">Sign in</TextLink>
      </Text>
    </Page>
  );
}
