import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { safePath } from '@/app/_forms/safe-path';
import { Card } from '@/components/ui/Card';
import { Disclosure } from '@/components/ui/Disclosure';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { OperatorContact } from '@/components/pages/OperatorNote';
import { Page } from '@/components/ui/Page';
import { SignInForm } from '@/components/forms/SignInForm';
import { TextLink } from '@/components/ui/TextLink';
import { readUser } from '@/lib/auth/session';
import { env } from '@/lib/env';
import { signInAction } from './actions';

export const metadata: Metadata = { title: 'Sign in' };

export default async function LoginPage({
  searchParams,
}: {
  searchParams: Promise<{ next?: string | string[] }>;
}) {
  const { next } = await searchParams;
  if (await readUser()) redirect(safePath(next));
  const { contact } = env().operator;
  return (
    <Page>
      <HeadingGroup>
        <Heading>Sign in</Heading>
        <Lead>Welcome back.</Lead>
      </HeadingGroup>
      <Card>
        <SignInForm action={signInAction} next={typeof next === 'string' ? safePath(next) : undefined} />
        <Disclosure summary="Forgot your password?">
          <Text quiet>
            We cannot email you a reset link yet. Contact{' '}
            {contact === null ? 'the operator of this site' : <OperatorContact contact={contact} />}. Once we
            know that it is you, we will set a new password for you.
          </Text>
        </Disclosure>
      </Card>
      <Text quiet>
        New here? <TextLink href="/users/register/applicant">Create an account</TextLink>
      </Text>
    </Page>
  );
}
