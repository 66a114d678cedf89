import type { Metadata } from 'next';
import { Card } from '@/components/Card';
import { DeleteAccountForm } from '@/components/DeleteAccountForm';
import { Heading, HeadingGroup, Lead, Prose, Text } from '@/components/Heading';
import { Page } from '@/components/Page';
import { TextLink } from '@/components/TextLink';
import { requireUser } from '@/lib/auth/session';
import { deleteAccountAction } from './actions';

export const metadata: Metadata = { title: 'Delete my account' };

export default async function DeleteAccountPage() {
  await requireUser('/users/account/delete');
  return (
    <Page actions={<TextLink href="/users/security">Security</TextLink>}>
      <HeadingGroup>
        <Heading>Delete my account</Heading>
        <Lead>At once and for good. You may want to download your data first.</Lead>
      </HeadingGroup>
      <Card>
        <Prose>
          <h2>What goes</h2>
          <ul>
            <li>Your name, e-mail, password, preferences, and every session.</li>
            <li>Texts that still wait: they are withdrawn. Open codes are worth nothing any more.</li>
            <li>Your number: it is free for another account.</li>
            <li>
              Addresses and browsers wherever we noted them, and your number in the record of texts and codes.
            </li>
          </ul>
          <h2>What stays, and why</h2>
          <ul>
            <li>
              That your number agreed to texts, or withdrew that: number, date, form and exact wording,
              nothing else. The law lets us be asked for this proof for years, so it is kept for that time.
            </li>
            <li>If your number texted STOP, that it did: so that it is obeyed.</li>
            <li>How many texts and codes there were, when, and what they cost, without saying whose.</li>
          </ul>
        </Prose>
        <DeleteAccountForm action={deleteAccountAction} />
      </Card>
      <Text quiet>
        Only tired of texts? <TextLink href="/users/sms-preferences">Turn them off</TextLink> and keep the
        account. Or <TextLink href="/users/account/export">download your data</TextLink>.
      </Text>
    </Page>
  );
}
