import type { Metadata } from 'next';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { Fold } from '@/components/ui/Fold';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { readRefusalCounts } from '@/lib/reporting/refusal-counts';
import { AdminNav } from '../admin-nav';
import { sayCount } from '../report-words';
import { countGroup, countRefusals, listLimits, type LimitRow } from './limit-words';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Limits' : 'Not allowed' };
}

const columns = [
  { key: 'rule', header: 'Rule' },
  { key: 'limit', header: 'Limit' },
  { key: 'day', header: 'Refused since yesterday', align: 'end' },
  { key: 'week', header: 'Refused in 7 days', align: 'end' },
] as const;

/** Every limit in words, and how often each refused someone lately. */
export default async function LimitsPage() {
  await requireRole('/admin/limits', 'admin');
  const { sinceYesterday, inWeek, missingDays } = await readRefusalCounts(db(), databaseNow());
  const counted = Object.keys(inWeek).sort();
  const groups = listLimits(env(), counted);
  const sayTimes = (times: number | null) => (times === null ? '–' : sayCount(times));
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Limits</Heading>
        <Lead>
          Every limit, and how often each refused someone: today and yesterday, and today and in the six days
          before. Where it says “–”, refusals are not counted.
        </Lead>
      </HeadingGroup>
      <AdminNav here="limits" />
      {missingDays.length > 0 ? (
        <Notice tone="warning" title="Some days are missing">
          {sayCount(missingDays.length)} of the seven days are still being summed up, in the background.
        </Notice>
      ) : null}
      {groups.map(({ id, title, rows }) => (
        <Card key={id} label={title} id={id}>
          <Fold title={title} note={sayGroup(rows, sinceYesterday)}>
            <DataTable
              caption={title}
              columns={columns}
              rows={rows.map((row) => ({
                id: row.rule,
                cells: {
                  rule: row.rule,
                  limit: row.limit,
                  day: sayTimes(countRefusals(row, sinceYesterday)),
                  week: sayTimes(countRefusals(row, inWeek)),
                },
              }))}
              empty=""
            />
          </Fold>
        </Card>
      ))}
      <Card label="About these counts">
        <Heading level={2}>About these counts</Heading>
        <Text quiet>
          Each refused try counts, also where someone tries again at once. Sign-ins that were refused are in
          the audit log (sign_in_refused).
        </Text>
      </Card>
    </Page>
  );
}

function sayGroup(rows: readonly LimitRow[], counts: Readonly<Record<string, number>>): string {
  const times = countGroup(rows, counts);
  if (times !== null) return `${sayCount(times)} since yesterday`;
  return rows.length === 1 ? '1 limit' : `${sayCount(rows.length)} limits`;
}
