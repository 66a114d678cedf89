import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { SiteNav } from '@/app/site-nav';
import { ApplicationForm } from '@/components/forms/applications/ApplicationForm';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { applicationLimits } from '@/lib/applications/application';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { saveApplicationAction } from '../actions';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'applicant' ? 'Start an application' : 'Not allowed' };
}

/** A new application; 404 where people apply on another site. */
export default async function NewApplicationPage() {
  const { userId } = await requireRole('/applications/new', 'applicant');
  if (env().nextStep !== null) notFound();
  return (
    <Page nav={<SiteNav part="/applications" />}>
      <HeadingGroup>
        <Heading>Start an application</Heading>
        <Lead>A draft is for your eyes only. We see it once you submit it, and then it stays as it is.</Lead>
      </HeadingGroup>
      <ApplicationForm
        action={saveApplicationAction}
        owner={userId}
        saved={null}
        limits={applicationLimits}
        isOpen
      />
    </Page>
  );
}
