import type { Metadata } from 'next';
import { AdminNav } from '@/app/admin/admin-nav';
import { SiteNav } from '@/app/site-nav';
import { ExportForm } from '@/components/forms/staff/ExportForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { RefreshWhile } from '@/components/ui/time/RefreshWhile';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { listExports, type ListedExport } from '@/lib/exports/export-jobs';
import { addDays, dayOf } from '@/lib/reporting/rollups/report-days';
import { sayZone } from '@/app/admin/report-words';
import { removeExportAction, startExportAction } from './actions';
import {
  exportsPath,
  formatWords,
  kindWords,
  sayPeriodOf,
  sayExportKind,
  sayExportState,
  sayProgress,
} from './export-words';
import { describeFile } from './file-cells';

const savedWords: ReadonlyMap<string, string> = new Map([
  ['started', 'The export has started.'],
  ['removed', 'The export was removed.'],
]);

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Exports' : 'Not allowed' };
}

/** Files of what happened on some days: to be started, and downloaded for a day. */
export default async function ExportsPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  await requireRole(exportsPath, 'admin');
  const { saved } = await searchParams;
  const now = databaseNow();
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const exports = await listExports(db());
  const savedNow = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Exports</Heading>
        <Lead>
          Files of single rows, for your own reports or an auditor. Days are those of {sayZone(timeZone)}.
          Each file is kept for a day, and who made or downloaded it is written down.
        </Lead>
      </HeadingGroup>
      <AdminNav here="exports" />
      <SavedAlert title={savedNow} />
      <Card>
        <Heading level={2}>New export</Heading>
        <ExportForm
          action={startExportAction}
          kinds={optionsOf(kindWords)}
          formats={optionsOf(formatWords)}
          days={{ first: addDays(today, -29), last: today, today }}
        />
      </Card>
      <Card label="Files">
        <p role="status">
          {sayProgress(exports, (newest) => `${sayExportKind(newest)}: ${sayExportState(newest)}`)}
        </p>
        <DataTable
          caption="Exports, newest first"
          columns={columns}
          rows={exports.map((each) => ({ id: each.id, cells: cellsOf(each, { timeZone, now }) }))}
          empty="There is no export. One that you start stands here, and can be downloaded once it is written."
        />
        {exports.some(({ state }) => state === 'writing') ? (
          <>
            <RefreshWhile />
            <Text quiet>
              You can leave this page: it goes on. <TextLink href={exportsPath}>Show how far it is</TextLink>
            </Text>
          </>
        ) : null}
      </Card>
    </Page>
  );
}

const columns = [
  { key: 'what', header: 'What' },
  { key: 'days', header: 'Days' },
  { key: 'by', header: 'Started' },
  { key: 'state', header: 'File' },
  { key: 'remove', header: 'Remove' },
] as const;

function cellsOf(each: ListedExport, clock: { timeZone: string; now: Date }) {
  const { format, wholeNumbers } = each;
  const name = sayExportKind(each);
  const days = sayPeriodOf(each, clock);
  return {
    what: `${name}, ${format === 'csv' ? 'CSV' : 'JSON lines'}, ${wholeNumbers ? 'whole' : 'hidden'} numbers`,
    days,
    ...describeFile(each, {
      which: `the export of ${name}, ${days}`,
      state: sayExportState(each),
      path: exportsPath,
      remove: removeExportAction,
      clock,
    }),
  };
}

function optionsOf(words: Record<string, string>) {
  return Object.entries(words).map(([value, label]) => ({ value, label }));
}
