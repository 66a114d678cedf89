import type { ListedExport } from '@/lib/exports/export-jobs';
import { sayCount } from '@/app/admin/report-words';

export const exportsPath = '/admin/exports';

export const kindWords: Record<ListedExport['kind'], string> = {
  messages: 'Messages',
  attempts: 'Verification attempts',
  consents: 'Consents',
  opt_outs: 'Opt-outs',
};

export const formatWords: Record<ListedExport['format'], string> = {
  csv: 'CSV, for spreadsheets',
  jsonl: 'JSON lines, for programs',
};

/** Whether something is one of the keys of such a table. */
export function isOneOf<Key extends string>(words: Record<Key, string>, key: string): key is Key {
  return Object.hasOwn(words, key);
}

/** How far a file is. */
export function sayExportState({ state, progress, rows, bytes }: ListedExport): string {
  switch (state) {
    case 'writing':
      return `Being written: ${Math.floor(progress * 100)}%, ${sayCount(rows)} rows so far`;
    case 'done':
      return `${sayCount(rows)} rows, ${sayBytes(bytes)}`;
    case 'too_large':
      return 'More than 3,000,000 rows: too many for one file. Start exports of fewer days each.';
    case 'failed':
      return 'Could not be written. The log says why (export_failed). Start it again.';
  }
}

function sayBytes(bytes: number): string {
  if (bytes < 1_000_000) return `${sayCount(Math.ceil(bytes / 1_000))} KB`;
  return `${(bytes / 1_000_000).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
}
