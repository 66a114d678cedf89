import type { Metadata } from 'next';
import { asksPassword } from '@/app/_forms/current-password';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { DeleteAccountForm } from '@/components/forms/settings/DeleteAccountForm';
import { Heading, HeadingGroup, Lead, Prose, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { requireUser } from '@/lib/auth/sign-in/session';
import { deleteAccountAction } from './actions';

export const metadata: Metadata = { title: 'Delete my account' };

export default async function DeleteAccountPage() {
  const user = await requireUser('/users/account/delete');
  return (
    <Page nav={<SiteNav part="/users/security" />}>
      <HeadingGroup>
        <Heading>Delete my account</Heading>
        <Lead>Right away and for good. You may want to download your data first.</Lead>
      </HeadingGroup>
      <Card>
        <Prose>
          <h2>What we delete</h2>
          <ul>
            <li>Your name, email, password and preferences, and all your sessions.</li>
            <li>Texts that are waiting to be sent. Open codes stop working.</li>
            <li>Your number from your account. It can then be used for another account.</li>
            <li>
              Internet addresses and browsers wherever we recorded them, and your number in the history of
              texts and codes.
            </li>
          </ul>
          <h2>What we keep, and why</h2>
          <ul>
            <li>
              Proof that your number agreed to texts or withdrew: the number, date, form and exact wording,
              nothing else. We can be asked for this proof for years, so we keep it that long.
            </li>
            <li>If your number replied STOP, that it did, so that we respect it.</li>
            <li>
              How many texts and codes there were, when, and what they cost. We replace your number with a
              code that only we can compute.
            </li>
          </ul>
        </Prose>
        <DeleteAccountForm action={deleteAccountAction} asksPassword={asksPassword(user)} />
      </Card>
      <Text quiet>
        Just tired of texts? <TextLink href="/users/sms-preferences">Turn them off</TextLink> and keep your
        account. Or <TextLink href="/users/account/export">download your data</TextLink>.
      </Text>
    </Page>
  );
}
