import { makeTable, partOf, tableNames } from '@/app/admin/report-tables';
import { linkToCsv, readPeriod } from '@/app/admin/report-period';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { requireRole } from '@/lib/auth/sign-in/session';
import { writeCsvRow } from '@/lib/csv';
import { env } from '@/lib/env';
import { dayOf } from '@/lib/reporting/rollups/report-days';
import { readReport } from '@/lib/reporting/rollups/report';

/** One table of the overview as a CSV file (RFC 4180): `table` names it, `first` and `last` are its days. */
export async function GET(request: Request): Promise<Response> {
  const parameters = Object.fromEntries(new URL(request.url).searchParams);
  const now = databaseNow();
  const period = readPeriod(parameters, dayOf(now, env().reportTimeZone));
  const table = tableNames.find((name) => name === parameters.table);
  await requireRole(linkToCsv(table ?? tableNames[0], period), 'admin');
  if (table === undefined) return new Response('There is no such table.\n', { status: 404 });
  const report = await readReport(db(), { ...period, only: partOf(table) }, now);
  const { columns, rows } = makeTable(report, table);
  return new Response([columns, ...rows].map(writeCsvRow).join(''), {
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="${table}-${period.first}-${period.last}.csv"`,
      'cache-control': 'no-store',
    },
  });
}
