import type { Metadata } from 'next';
import { AdminNav } from '@/app/admin/admin-nav';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { CompactTable } from '@/components/ui/lists/CompactTable';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readSmsSpend, type SpendRow } from '@/lib/reporting/sms-spend';
import { sayUsd } from './say-usd';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Texts' : 'Not allowed' };
}

/** How many days, today included, the table has. */
const days = 14;

/** What texts cost. Reads only. */
export default async function AdminSmsPage() {
  await requireRole('/admin/sms', 'admin');
  const spend = await readSmsSpend(db(), { days, now: databaseNow() });
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Texts</Heading>
        <Lead>
          What texts cost, by the day in UTC. Numbers of staff that someone else proved are listed under{' '}
          <TextLink href="/admin/numbers">protected numbers</TextLink>.
        </Lead>
      </HeadingGroup>
      <AdminNav here="overview" />
      <Card label="Spend">
        <CompactTable
          caption={`Spend per day, last ${days} days`}
          columns={spendColumns}
          rows={spend.days.map((row) => spendCells(sayDay(row.day), row))}
          total={spendCells('Total', spend.total)}
        />
      </Card>
    </Page>
  );
}

const spendColumns = ['Day', 'Texts', 'Segments', 'Settled', 'Estimated'] as const;

function spendCells(day: string, { texts, segments, settledUsd, estimatedUsd }: SpendRow) {
  return [day, texts, segments, sayUsd(settledUsd), sayUsd(estimatedUsd)] as const;
}

function sayDay(day: string): string {
  return new Date(day).toLocaleDateString('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' });
}
