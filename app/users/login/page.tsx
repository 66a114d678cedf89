import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { safePath } from '@/app/_forms/safe-path';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { SignInForm } from '@/components/forms/entry/SignInForm';
import { PasskeySignInForm } from '@/components/forms/factors/PasskeySignInForm';
import { TextLink } from '@/components/ui/TextLink';
import { readUser } from '@/lib/auth/sign-in/session';
import { readTypedEmail } from '../typed-email';
import { readProver } from '../verify-phone/require-prover';
import { signInAction } from './actions';
import { signInByPasskeyAction } from './passkey/actions';

export const metadata: Metadata = { title: 'Sign in' };

/** What led here, by what the address says. */
const whyHere: ReadonlyMap<unknown, { title: string; tone?: 'warning' }> = new Map([
  ['signed-out', { title: 'You are signed out.' }],
  [
    'code-over',
    {
      title:
        'No code is needed here anymore. If you verified your phone in another browser or tab, your account is open: sign in to go on. If it was never finished, it may have expired: register again.',
      tone: 'warning' as const,
    },
  ],
]);

export default async function LoginPage({
  searchParams,
}: {
  searchParams: Promise<Record<'next' | 'saved' | 'email', string | string[] | undefined>>;
}) {
  const { next, saved, email } = await searchParams;
  if (await readUser()) redirect(safePath(next));
  // A page inside was asked for, by a browser that has an account to finish.
  if (next !== undefined && (await readProver()) !== null) redirect('/users/verify-phone');
  const why = whyHere.get(saved);
  return (
    <Page>
      <HeadingGroup>
        <Heading>Sign in</Heading>
        {why === undefined ? (
          <Lead>{next === undefined ? 'Welcome back.' : 'You go on to the page you asked for.'}</Lead>
        ) : null}
      </HeadingGroup>
      {why === undefined ? null : <SavedAlert {...why} />}
      <Card>
        <SignInForm
          action={signInAction}
          next={typeof next === 'string' ? safePath(next) : undefined}
          email={readTypedEmail(email)}
        />
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
