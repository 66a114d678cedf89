import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { NewApplicationForm } from '@/components/forms/staff/NewApplicationForm';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { applicationsPath } from '../applications-query';
import { openApplicationAction } from './actions';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  const isAllowed = user?.role === 'staff' || user?.role === 'admin';
  return { title: isAllowed ? 'Open an application' : 'Not allowed' };
}

/** For someone who applies by phone or letter and has no account. */
export default async function NewApplicationPage() {
  await requireRole(`${applicationsPath}/new`, 'staff', 'admin');
  return (
    <Page nav={<SiteNav part="/staff/applications" />}>
      <HeadingGroup>
        <Heading>Open an application</Heading>
        <Lead>
          For someone who has no account. <TextLink href={applicationsPath}>Applications</TextLink>
        </Lead>
      </HeadingGroup>
      <Card>
        <NewApplicationForm action={openApplicationAction} />
        <Text quiet>
          The application is handed in at once and assigned to you. Nothing is sent to the applicant, now or
          later.
        </Text>
      </Card>
    </Page>
  );
}
