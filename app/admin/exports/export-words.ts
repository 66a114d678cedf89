import { lookUp } from '@/app/_format/look-up';
import { sayCount, sayReportDay } from '@/app/admin/report-words';
import { mostExportsUnderWay, type ListedExport } from '@/lib/exports/export-jobs';
import { dayOf } from '@/lib/reporting/rollups/report-days';

export const exportsPath = '/admin/exports';

/** What an export is called; a kind that we do not know is named as it is. */
export function sayExportKind({ kind }: Pick<ListedExport, 'kind'>): string {
  return lookUp(kindWords, kind) ?? kind;
}

export const kindWords: Record<ListedExport['kind'], string> = {
  messages: 'Texts',
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

/** How far a file is; `progress` null: nobody knows how much there is. */
export function sayExportState({
  state,
  progress,
  rows,
  bytes,
}: Pick<ListedExport, 'state' | 'rows' | 'bytes'> & { progress: number | null }): string {
  switch (state) {
    case 'writing':
      return `Being written: ${progress === null ? '' : `${Math.floor(progress * 100)}%, `}${sayCount(rows)} rows so far`;
    case 'done':
      return `${sayCount(rows)} rows, ${sayBytes(bytes)}`;
    case 'too_large':
      return 'More than 3,000,000 rows: too many for one file. Start exports of fewer days each.';
    case 'failed':
      return 'Could not be written. The log says why (export_failed). Start it again.';
    case 'subject_gone':
      return 'The account was deleted meanwhile. Make a pack of its number instead.';
    default:
      return state;
  }
}

function sayBytes(bytes: number): string {
  if (bytes < 1_000_000) return `${sayCount(Math.ceil(bytes / 1_000))} KB`;
  return `${(bytes / 1_000_000).toLocaleString('en-US', { maximumFractionDigits: 1 })} MB`;
}

/**
 * What a screen reader hears when it changes: that files are being written, and what became of the newest, which `sayNewest` says.
 */
export function sayProgress<Job extends { state: ListedExport['state'] }>(
  jobs: readonly Job[],
  sayNewest: (newest: Job) => string,
): string {
  const writing = jobs.filter(({ state }) => state === 'writing').length;
  if (writing > 0) {
    return writing === 1 ? 'One file is being written.' : `${writing} files are being written.`;
  }
  const [newest] = jobs;
  return newest === undefined ? 'No file is being written.' : `The newest file, ${sayNewest(newest)}.`;
}

/** Writes the days of a file, both counted: `Nov 3 to Nov 9`. */
export function sayPeriodOf(
  { from, to }: Pick<ListedExport, 'from' | 'to'>,
  { timeZone, now }: { timeZone: string; now: Date },
): string {
  const today = dayOf(now, timeZone);
  const [first, last] = [dayOf(from, timeZone), dayOf(new Date(to.getTime() - 1), timeZone)];
  const begin = sayReportDay(first, today);
  return first === last ? begin : `${begin} to ${sayReportDay(last, today)}`;
}

/** Where as many files are under way as may be. */
export const tooManyUnderWayWords = `${mostExportsUnderWay} exports and packs are being written already, and no more at a time. Wait until one is done, or end one. What you chose is still here.`;
