import { redirect } from 'next/navigation';
import { sayServed } from '@/app/_format/phone-words';
import { readPendingCookie } from '@/app/_cookies/pending-cookie';
import { Front } from '@/components/pages/Front';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readPending } from '@/lib/accounts/pending';
import { readUser } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';

/**
 * The front door: who this is and what for, what to have ready, and the ways in: create an account, sign in, or go on where this
 * browser left off. Without a cookie nothing is asked.
 */
export default async function HomePage() {
  if (await readUser()) redirect('/dashboard');
  const token = await readPendingCookie();
  const isPending = token !== null && (await readPending(db(), token, databaseNow())) !== null;
  const { siteTagline, operator, nextStep } = env();
  if (isPending) {
    return (
      <Page wide>
        <Front
          title="You are almost there"
          lead="Your account is ready. Verify your phone to open it."
          ready={[
            { what: 'Your phone', why: 'The code comes by text. If you have several, use the newest.' },
          ]}
          operator={operator}
        >
          <LinkButton href="/users/verify-phone" variant="primary">
            Continue verification
          </LinkButton>
          <LinkButton href="/users/login">Sign in to another account</LinkButton>
        </Front>
      </Page>
    );
  }
  return (
    <Page wide>
      <Front
        title={siteTagline ?? 'Your application starts here'}
        lead={
          nextStep === null
            ? 'Create an account in about a minute, or sign in to check on your application.'
            : 'Create an account in about a minute, or sign in.'
        }
        ready={listWhatToHave()}
        operator={operator}
      >
        <LinkButton href="/users/register/applicant" variant="primary">
          Create account
        </LinkButton>
        <LinkButton href="/users/login">Sign in</LinkButton>
      </Front>
    </Page>
  );
}

/** What registration asks for; and the application, where people apply here. */
function listWhatToHave(): { what: string; why: string }[] {
  const { nextStep } = env();
  const served = sayServed();
  const list = [
    { what: 'An email address', why: 'You sign in with it.' },
    {
      what: 'Your mobile phone, if you want texts',
      why: `A text with a code verifies its number. You can also do that later.${served === null ? '' : ` ${served}`}`,
    },
  ];
  if (nextStep !== null) return list;
  return [
    ...list,
    { what: 'A few words about your application', why: 'You can save a draft and submit it later.' },
  ];
}
