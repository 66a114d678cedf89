import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { readCursor, writeCursor } from '@/app/users/sms-preferences/record/cursor';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/lists/EventList';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { Pager } from '@/components/ui/lists/Pager';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readMyApplicationsPage } from '@/lib/applications/my-applications';
import { actsOnOwn } from '@/lib/applications/who-sees';
import { requireUser } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { itemsOfApplications } from './application-items';
import { StartLink } from './start-link';

export const metadata: Metadata = { title: 'Applications' };

/** Someone's own applications, newest first; also of who became one of the operator's people, who starts none. */
export default async function ApplicationsPage({
  searchParams,
}: {
  searchParams: Promise<{ before?: string | string[]; saved?: string | string[] }>;
}) {
  const user = await requireUser('/applications');
  const { before: place, saved } = await searchParams;
  const before = readCursor(place);
  const now = databaseNow();
  const { timeZone, applications, older } = await readMyApplicationsPage(db(), user.userId, now, before);
  const isEmpty = applications.length === 0 && before === null;
  return (
    <Page nav={<SiteNav page="/applications" />}>
      <HeadingGroup>
        <Heading>Applications</Heading>
        <Lead>What you applied for, and how far it is.</Lead>
      </HeadingGroup>
      {saved === 'deleted' ? <SavedAlert title="Your draft was deleted." /> : null}
      <Card label="Your applications">
        {isEmpty ? (
          <Text>
            {!actsOnOwn(user)
              ? 'You have no applications of your own.'
              : env().nextStep === null
                ? 'You have no applications yet. Start one: say what you apply for and why, save it as a draft as often as you like, and submit it when it is ready.'
                : 'You have no applications here. You apply on another site.'}
          </Text>
        ) : (
          <EventList
            items={itemsOfApplications(applications, { timeZone, now })}
            empty="There are no older applications."
          />
        )}
        <Pager
          label="Pages of applications"
          newestHref={before === null ? null : '/applications'}
          olderHref={older && `/applications?before=${writeCursor(older)}`}
        />
        {actsOnOwn(user) ? <StartLink isFirst={isEmpty} /> : null}
      </Card>
    </Page>
  );
}
