import type { Metadata } from 'next';
import { asksPassword } from '@/app/_forms/current-password';
import { sendProofAction } from '@/app/dashboard/actions';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { EmailForm, NameForm } from '@/components/forms/settings/ProfileForms';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { requireUser } from '@/lib/auth/sign-in/session';
import { isMailOn } from '@/lib/mail/outbox';
import { changeEmailAction, changeNameAction } from './actions';

export const metadata: Metadata = { title: 'Profile' };

const savedWords: ReadonlyMap<string, string> = new Map([
  ['name', 'Your name has been saved.'],
  [
    'link-sent',
    'We have sent a link to the new address. Your email stays as it is until you open the link and confirm.',
  ],
  ['email', 'Your email has been changed.'],
]);

export default async function ProfilePage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const user = await requireUser('/users/profile');
  const { saved } = await searchParams;
  const savedNow = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  const isProven = user.emailProvenAt !== null;
  return (
    <Page nav={<SiteNav page="/users/profile" />}>
      <HeadingGroup>
        <Heading>Profile</Heading>
        <Lead>Your name and your email.</Lead>
      </HeadingGroup>
      {savedNow ? <SavedAlert title={savedNow} /> : null}
      <Card>
        <Heading level={2}>Name</Heading>
        <NameForm action={changeNameAction} name={user.name} />
      </Card>
      <Card>
        <HeadingGroup>
          <Heading level={2}>Email</Heading>
          <Text>
            {user.email}{' '}
            {isMailOn() || isProven ? (
              <Badge tone={isProven ? 'success' : 'warning'}>
                {isProven ? 'Confirmed' : 'Not confirmed'}
              </Badge>
            ) : null}
          </Text>
        </HeadingGroup>
        {isProven || !isMailOn() ? null : <ActionForm action={sendProofAction} label="Send the link again" />}
        {isMailOn() ? (
          <EmailForm action={changeEmailAction} asksPassword={asksPassword(user)} />
        ) : (
          <Text quiet>We cannot send email here, so the address cannot be changed.</Text>
        )}
      </Card>
    </Page>
  );
}
