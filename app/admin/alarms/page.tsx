import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import { SiteNav } from '@/app/site-nav';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { readAlarmsPage } from '@/lib/reporting/alarms-page';
import { AdminNav } from '../admin-nav';
import { AlarmList, alarmSavedWords, sayTold } from './alarm-list';
import { LedgerList } from './ledger-list';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Alarms' : 'Not allowed' };
}

const columns = [
  { key: 'name', header: 'Alarm' },
  { key: 'since', header: 'Since' },
  { key: 'ended', header: 'Ended' },
  { key: 'by', header: 'Seen to by' },
] as const;

/** The alarms that are open, what of the ledgers does not agree, and the last alarms that have ended. */
export default async function AlarmsPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  await requireRole('/admin/alarms', 'admin');
  const { saved } = await searchParams;
  const said = typeof saved === 'string' ? alarmSavedWords.get(saved) : undefined;
  const now = databaseNow();
  const page = await readAlarmsPage(db(), now);
  const clock = { timeZone: env().reportTimeZone, now };
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Alarms</Heading>
        <Lead>
          Once a minute the dispatcher checks whether codes are entered, texts go out and arrive, and money is
          left. An alarm opens when something is wrong for a while, and ends by itself when it is right again.
        </Lead>
      </HeadingGroup>
      <AdminNav here="alarms" />
      {said ? <SavedAlert title={said} /> : null}
      <Card label="Open alarms">
        <Heading level={2}>Open alarms</Heading>
        {page.alarms.length === 0 ? <Text>None is open.</Text> : null}
        <AlarmList open={page} clock={clock} page="/admin/alarms" />
        <Text quiet>
          {page.isTold
            ? 'Each is told to ALERT_WEBHOOK_URL when it opens and when it ends.'
            : 'They are told nowhere else: set ALERT_WEBHOOK_URL to be woken by them.'}
        </Text>
      </Card>
      <Card label="Ledgers">
        <Heading level={2}>Ledgers</Heading>
        <Text>
          Each night texts, consents, opt-outs, the budget and the sums of days that are over are compared
          with each other. What one of them says and another does not is here until it is mended.
        </Text>
        <LedgerList ledgers={page.ledgers} clock={clock} />
      </Card>
      <Card label="Alarms that have ended">
        <DataTable
          caption="Alarms that have ended"
          columns={columns}
          rows={page.ended.map((alarm) => ({
            id: alarm.id,
            cells: {
              name: (
                <>
                  {alarm.name}
                  <Text quiet>{[alarm.said, sayTold(alarm)].filter(Boolean).join(' ')}</Text>
                </>
              ),
              since: alarm.since && <Moment at={alarm.since} clock={clock} />,
              ended: alarm.endedAt && <Moment at={alarm.endedAt} clock={clock} />,
              by: alarm.acknowledged?.by ?? '–',
            },
          }))}
          empty="None yet. What was wrong for a while, and until when, will be here."
        />
      </Card>
    </Page>
  );
}
