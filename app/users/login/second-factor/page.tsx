import type { Metadata } from 'next';
import { safePath } from '@/app/_forms/safe-path';
import { FactorCards } from '@/app/users/factor-cards';
import { signOutAction } from '@/app/users/login/actions';
import { SignOutForm } from '@/components/forms/SignOutForm';
import { Checkbox } from '@/components/inputs/Checkbox';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readSecondFactorPage } from '@/lib/auth/two-factor/second-factor-page';
import { giveCodeAction, givePasskeyAction, giveRecoveryCodeAction, textCodeAction } from './actions';
import { leadToSignIn, requireFirstStep } from './first-step';

export const metadata: Metadata = { title: 'Two-step sign-in' };

/** The second step of signing in, after the right password. */
export default async function SecondFactorPage({
  searchParams,
}: {
  searchParams: Promise<{ next?: string | string[] }>;
}) {
  const token = await requireFirstStep((await searchParams).next);
  const { next } = await searchParams;
  const choice = await readSecondFactorPage(db(), token, databaseNow());
  if (choice === null) leadToSignIn(next);
  return (
    <Page>
      <HeadingGroup>
        <Heading>Two-step sign-in</Heading>
        <Lead>Your password was right. Now show that it is really you.</Lead>
      </HeadingGroup>
      <FactorCards
        choice={choice}
        actions={{
          passkey: givePasskeyAction,
          code: giveCodeAction,
          text: textCodeAction,
          recoveryCode: giveRecoveryCodeAction,
        }}
        next={safePath(next)}
        submitLabel="Continue"
        recoveryHint="One of the ten that you kept when you set up your second factor. Each works once."
        besideCode={
          choice.mayTrust ? (
            <Checkbox
              name="trustDevice"
              label="Trust this browser for 30 days"
              hint="Only on a device that nobody else uses. You will still be asked before important changes."
            />
          ) : undefined
        }
      />
      <Text quiet>
        Lost your phone and your recovery codes? Ask an admin of this site to reset your second factor.
      </Text>
      <SignOutForm action={signOutAction} />
    </Page>
  );
}
