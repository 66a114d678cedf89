import type { Metadata } from 'next';
import { asksPassword } from '@/app/_forms/current-password';
import { SiteNav } from '@/app/site-nav';
import { OptOutForm } from '@/components/forms/staff/OptOutForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { recordOptOutAction } from './actions';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user === null || user.role === 'applicant' ? 'Not allowed' : 'Record an opt-out' };
}

const savedWords: ReadonlyMap<string, string> = new Map([
  ['stopped', 'Recorded. No more texts go to this number.'],
  ['again', 'Recorded. This number had opted out before.'],
]);

/** For people who ask by phone or letter that no more texts come. */
export default async function OptOutsPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const user = await requireRole('/staff/opt-outs', 'broker', 'staff', 'admin');
  const { saved } = await searchParams;
  const said = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  return (
    <Page nav={<SiteNav page="/staff/opt-outs" />}>
      <HeadingGroup>
        <Heading>Record an opt-out</Heading>
        <Lead>For someone who says in another way than by text that they want no more texts.</Lead>
      </HeadingGroup>
      {said ? <SavedAlert title={said} /> : null}
      <Card>
        <OptOutForm action={recordOptOutAction} asksPassword={asksPassword(user)} />
        <Text quiet>
          All texts to the number stop at once, codes included, whoever has it. Texting START from the number
          takes it back.
        </Text>
      </Card>
    </Page>
  );
}
