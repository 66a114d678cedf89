import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { readSenderHealth, type SenderNow } from '@/lib/reporting/sender-health';
import { AdminNav } from '../admin-nav';
import { listHealth } from './health-rows';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Sender' : 'Not allowed' };
}

const columns = [
  { key: 'what', header: 'What' },
  { key: 'state', header: 'State' },
  { key: 'now', header: 'Now' },
  { key: 'whatToDo', header: 'What to do' },
] as const;

function nameSenders(senders: readonly SenderNow[]): string {
  const [updates, codes] = senders.map(({ name }) => name);
  return codes ? `Codes come from ${codes}, all other texts from ${updates}.` : `Texts come from ${updates}.`;
}

/** How our sender does at the provider and the carriers, each with what to do. */
export default async function SenderPage() {
  await requireRole('/admin/sender', 'admin');
  const now = databaseNow();
  const health = await readSenderHealth(db(), now);
  const rows = listHealth(health, { timeZone: env().reportTimeZone, now });
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Sender</Heading>
        <Lead>
          {health.backend === 'console'
            ? 'Texts are printed on the console, so little of this means anything here.'
            : nameSenders(health.senders)}{' '}
          What the provider and the carriers make of them, and what to do.
        </Lead>
      </HeadingGroup>
      <AdminNav here="sender" />
      <Card label="Sender">
        <DataTable
          caption="How the sender does"
          columns={columns}
          rows={rows.map(({ id, what, now: said, state, whatToDo }) => ({
            id,
            cells: {
              what: <span data-health={id}>{what}</span>,
              state: <Badge tone={state.tone}>{state.words}</Badge>,
              now: said,
              whatToDo,
            },
          }))}
          empty=""
        />
      </Card>
    </Page>
  );
}
