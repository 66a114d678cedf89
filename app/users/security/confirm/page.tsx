import type { Metadata } from 'next';
import { safePath } from '@/app/_forms/safe-path';
import { SiteNav } from '@/app/site-nav';
import { FactorCards } from '@/app/users/factor-cards';
import { sayHowLong } from '@/app/users/factor-words';
import { ConfirmPasswordForm } from '@/components/forms/factors/ConfirmPasswordForm';
import { Outcome } from '@/components/pages/Outcome';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { asksSecondFactor } from '@/lib/accounts/factors';
import { requireEnrollingUser } from '@/lib/auth/sign-in/session';
import { readConfirmPage } from '@/lib/auth/two-factor/second-factor-page';
import {
  confirmCodeAction,
  confirmPasskeyAction,
  confirmPasswordAction,
  confirmRecoveryCodeAction,
  textConfirmationAction,
} from './actions';

export const metadata: Metadata = { title: 'Confirm that it is you' };

const here = '/users/security/confirm';

/** Asks someone signed in once more who they are, before what matters most. */
export default async function ConfirmPage({
  searchParams,
}: {
  searchParams: Promise<{ next?: string | string[]; done?: string | string[] }>;
}) {
  const user = await requireEnrollingUser(hereFor((await searchParams).next));
  const { next, done } = await searchParams;
  // Opened beside a form that waits, there is nowhere to go on to.
  const path = next === undefined ? `${here}?done=yes` : safePath(next);
  if (done === 'yes') {
    return (
      <Page nav={<SiteNav part="/users/security" />}>
        <Outcome
          title="Thank you, it is you"
          words={`Close this tab, go back to the one that you came from, and send it again. ${sayHowLong(user)}`}
          href="/users/security"
          label="Go to Security"
        />
      </Page>
    );
  }
  const choice = await readConfirmPage(db(), user, databaseNow());
  const byPassword = !asksSecondFactor(user.role, choice.factors);
  return (
    <Page nav={<SiteNav />}>
      <HeadingGroup>
        <Heading>Confirm that it is you</Heading>
        <Lead>What you are about to do matters, so we make sure. {sayHowLong(user)}</Lead>
      </HeadingGroup>
      <FactorCards
        choice={byPassword ? { ...choice, hasRecoveryCodes: false } : choice}
        actions={{
          passkey: confirmPasskeyAction,
          code: confirmCodeAction,
          text: textConfirmationAction,
          recoveryCode: confirmRecoveryCodeAction,
        }}
        next={path}
        submitLabel="Confirm"
      />
      {byPassword ? (
        <Card>
          <ConfirmPasswordForm action={confirmPasswordAction}>
            <input type="hidden" name="next" value={path} />
          </ConfirmPasswordForm>
        </Card>
      ) : null}
    </Page>
  );
}

/** The address of this page for someone who goes on to `next`. */
function hereFor(next: unknown): string {
  return `${here}?next=${encodeURIComponent(safePath(next))}`;
}
