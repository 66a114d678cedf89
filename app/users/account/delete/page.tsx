import type { Metadata } from 'next';
import { asksPassword } from '@/app/_forms/current-password';
import { Moment } from '@/app/_format/moment';
import { sayDays } from '@/app/_format/say-days';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { DeleteAccountForm } from '@/components/forms/settings/DeleteAccountForm';
import { Heading, HeadingGroup, Lead, Prose, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import type { MyApplicationCounts } from '@/lib/applications/my-applications';
import { readDeletionPage } from '@/lib/auth/ending/deletion-page';
import { requireUser } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { deleteAccountAction } from './actions';

export const metadata: Metadata = { title: 'Delete my account' };

export default async function DeleteAccountPage() {
  const user = await requireUser('/users/account/delete');
  const now = databaseNow();
  const { timeZone, applications, frozenUntil } = await readDeletionPage(db(), user, now);
  const mine = sayWhatBecomesOf(applications);
  return (
    <Page nav={<SiteNav part="/users/security" />}>
      <HeadingGroup>
        <Heading>Delete my account</Heading>
        <Lead>Right away and for good. You may want to download your data first.</Lead>
      </HeadingGroup>
      {frozenUntil === null ? null : (
        <Notice tone="warning" title="Your account cannot be deleted yet">
          Your password was reset lately. To protect the account, it can be deleted, and your data downloaded,
          from <Moment at={frozenUntil} clock={{ timeZone, now }} /> on.
        </Notice>
      )}
      <Card>
        {mine === null ? null : (
          <Notice tone="warning" title="About your applications">
            {mine}
          </Notice>
        )}
        <Prose>
          <h2>What we delete</h2>
          <ul>
            <li>Your name, email, password and preferences, and all your sessions.</li>
            <li>Drafts of applications that you did not submit.</li>
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
              Applications that you submitted, with everything that you and we wrote about them, for{' '}
              {sayDays(env().retention.applicationsDays)} after they were decided or withdrawn. We take off
              the name and email of your account, but what you wrote stays as it is. We may have to show how
              we decided.
            </li>
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
        {frozenUntil === null ? (
          <DeleteAccountForm action={deleteAccountAction} asksPassword={asksPassword(user)} />
        ) : null}
      </Card>
      <Text quiet>
        {user.phone === null ? null : (
          <>
            Just tired of texts? <TextLink href="/users/sms-preferences">Turn them off</TextLink> and keep
            your account.{' '}
          </>
        )}
        {frozenUntil === null ? (
          <>
            Before you go: <TextLink href="/users/account/export">download your data</TextLink>.
          </>
        ) : null}
      </Text>
    </Page>
  );
}

/** What becomes of the applications of this person; null: they have none. */
function sayWhatBecomesOf({ drafts, underWay, handedIn }: MyApplicationCounts): string | null {
  const words = [];
  if (underWay > 0) {
    words.push(
      underWay === 1
        ? '1 application is under way. It will be withdrawn.'
        : `${underWay} applications are under way. They will be withdrawn.`,
    );
  }
  if (handedIn > 0) words.push('What you wrote in applications that you submitted stays with us.');
  if (drafts > 0) {
    words.push(drafts === 1 ? '1 draft will be deleted.' : `${drafts} drafts will be deleted.`);
  }
  return words.length === 0 ? null : words.join(' ');
}
