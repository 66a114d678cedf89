import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { applicationsPath } from '@/app/staff/applications/applications-query';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { listBulkMoves, type ListedBulkMove } from '@/lib/bulk/bulk-page';
import { env } from '@/lib/env';
import { bulkPath, sayBulkMove, sayBulkState } from './bulk-words';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'staff' || user?.role === 'admin' ? 'Bulk moves' : 'Not allowed' };
}

/** The last moves of many applications at once. */
export default async function BulkMovesPage() {
  const user = await requireRole(bulkPath, 'staff', 'admin');
  const bulkMoves = await listBulkMoves(db(), user);
  const clock = { timeZone: env().reportTimeZone, now: databaseNow() };
  return (
    <Page wide nav={<SiteNav part="/staff/applications" />}>
      <HeadingGroup>
        <Heading>Bulk moves</Heading>
        <Lead>
          Moves of many applications at once.{' '}
          <TextLink href={applicationsPath}>Select applications in the list</TextLink>
        </Lead>
      </HeadingGroup>
      <Card label="Bulk moves">
        <DataTable
          caption="Bulk moves, newest first"
          columns={columns}
          rows={bulkMoves.map((each) => ({ id: each.id, cells: cellsOf(each, clock) }))}
          empty="There are none yet."
        />
      </Card>
    </Page>
  );
}

const columns = [
  { key: 'what', header: 'What' },
  { key: 'by', header: 'Prepared by' },
  { key: 'at', header: 'When' },
  { key: 'state', header: 'State' },
] as const;

function cellsOf(each: ListedBulkMove, clock: Clock) {
  const state = sayBulkState(each.state);
  return {
    what: <TextLink href={`${bulkPath}/${each.id}`}>{sayBulkMove(each)}</TextLink>,
    by: each.createdBy ?? 'Account deleted',
    at: <Moment at={each.createdAt} clock={clock} />,
    state: <Badge tone={state.tone}>{state.words}</Badge>,
  };
}
