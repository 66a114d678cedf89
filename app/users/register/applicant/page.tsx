import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { sayPhoneHint } from '@/app/_format/phone-words';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { RegistrationForm } from '@/components/forms/RegistrationForm';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { readUser } from '@/lib/auth/session';
import { currentWording } from '@/lib/consent/current-wording';
import { isSmsDelayed } from '@/lib/sms/delivery/outage';
import { registerAction } from './actions';

export const metadata: Metadata = { title: 'Create your account' };

export default async function RegisterApplicantPage() {
  if (await readUser()) redirect('/dashboard');
  return (
    <Page>
      <HeadingGroup>
        <Heading>Create your account</Heading>
        <Lead>It takes about a minute.</Lead>
      </HeadingGroup>
      <Card>
        <RegistrationForm
          action={registerAction}
          wording={currentWording()}
          phoneHint={sayPhoneHint()}
          smsDelayed={await isSmsDelayed(db(), new Date())}
        />
      </Card>
      <Text quiet>
        Already have an account? <TextLink href="/users/login">Sign in</TextLink>
      </Text>
    </Page>
  );
}
