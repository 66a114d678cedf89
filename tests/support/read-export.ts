import type { Db } from '@/db/client';
import { exportData } from '@/lib/auth/settings/export-data';
import type { RequestContext } from '@/lib/context';

type Row = Record<string, unknown>;

/** The file that a person gets, as it was written; moments are text. */
export type ExportedData = Record<'account' | 'phone' | 'preferences', Row> &
  Record<
    'sessions' | 'consents' | 'optOuts' | 'texts' | 'applications' | 'verifications' | 'activity',
    Row[]
  >;

/** Exports all data of a person and reads the file; null: it is refused. */
export async function readExport(
  db: Db,
  userId: string,
  context: RequestContext,
): Promise<ExportedData | null> {
  const exported = await exportData(db, userId, context);
  if (!exported.ok) return null;
  let file = '';
  for await (const chunk of exported.chunks) file += chunk;
  return JSON.parse(file) as ExportedData;
}
