import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { safePath } from '@/app/_forms/safe-path';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { SignInForm } from '@/components/forms/entry/SignInForm';
import { PasskeySignInForm } from '@/components/forms/factors/PasskeySignInForm';
import { TextLink } from '@/components/ui/TextLink';
import { readUser } from '@/lib/auth/sign-in/session';
import { signInAction } from './actions';
import { signInByPasskeyAction } from './passkey/actions';

export const metadata: Metadata = { title: 'Sign in' };

export default async function LoginPage({
  searchParams,
}: {
  searchParams: Promise<{ next?: string | string[]; saved?: string | string[] }>;
}) {
  const { next, saved } = await searchParams;
  if (await readUser()) redirect(safePath(next));
  return (
    <Page>
      <HeadingGroup>
        <Heading>Sign in</Heading>
        <Lead>{saved === 'signed-out' ? 'You are signed out.' : 'Welcome back.'}</Lead>
      </HeadingGroup>
      <Card>
        <SignInForm action={signInAction} next={typeof next === 'string' ? safePath(next) : undefined} />
        <PasskeySignInForm action={signInByPasskeyAction} optionsPath="/users/login/passkey">
          {typeof next === 'string' ? <input type="hidden" name="next" value={safePath(next)} /> : null}
        </PasskeySignInForm>
        <TextLink href="/users/forgot-password" standalone>
          Forgot your password?
        </TextLink>
      </Card>
      <Text quiet>
        New here? <TextLink href="/users/register/applicant">Create an account</TextLink>
      </Text>
    </Page>
  );
}
