import { lookUp } from '@/app/_format/look-up';
import { sayCount } from '@/app/admin/report-words';
import { moveWords } from '@/app/staff/applications/words';
import type { SelectOption } from '@/components/inputs/Select';
import type { Tone } from '@/components/ui/Notice';
import type { BulkChances, BulkPage, ListedBulkMove } from '@/lib/bulk/bulk-page';
import type { MissingReason } from '@/lib/bulk/missing-list';
import { mostBulkUnderWay } from '@/lib/bulk/steer-bulk';
import { seenStatuses } from '@/lib/reporting/applications-list';

export const bulkPath = '/staff/bulk';

/** Where a bulk move can go. */
export const bulkTargets: readonly SelectOption[] = seenStatuses
  .filter((status) => status !== 'submitted')
  .map((status) => ({ value: status, label: moveWords[status].words }));

/** What a bulk move is called. */
export function sayBulkMove({ to, items }: Pick<ListedBulkMove, 'to' | 'items'>): string {
  const words = lookUp(moveWords, to)?.words ?? 'Not said yet';
  return `${words}: ${sayApplications(items)}`;
}

export function sayApplications(count: number): string {
  return count === 1 ? '1 application' : `${sayCount(count)} applications`;
}

const stateWords: Record<BulkPage['state'], { words: string; tone: Tone }> = {
  draft: { words: 'Not started', tone: 'neutral' },
  running: { words: 'Goes on', tone: 'info' },
  paused: { words: 'Paused', tone: 'warning' },
  stopped: { words: 'Stopped', tone: 'warning' },
  done: { words: 'Done', tone: 'success' },
};

export function sayBulkState(state: BulkPage['state']): { words: string; tone: Tone } {
  return lookUp(stateWords, state) ?? { words: state, tone: 'neutral' };
}

/** How far a bulk move is, in a sentence that a screen reader hears when it changes. */
export function sayBulkProgress({ items, open, state }: Pick<BulkPage, 'items' | 'open' | 'state'>): string {
  const decided = `${sayCount(items - open)} of ${sayApplications(items)}`;
  switch (state) {
    case 'running':
      return `${decided} so far. It goes on.`;
    case 'paused':
      return `${decided} so far. It is paused.`;
    case 'stopped':
      return `${decided}. It was stopped.`;
    default:
      return `${decided}. It is done.`;
  }
}

/** Why an application was not moved, or its move told to nobody. */
export const missingWords: Record<MissingReason, string> = {
  changed_meanwhile: 'Someone changed it after it was selected',
  not_allowed: 'This move cannot be made from its status',
  not_found: 'It was deleted, or you cannot see it',
  failed: 'It failed five times. The log says why (bulk_item_failed)',
  open: 'It was not moved before the end',
  not_reached: 'It was moved, and there was no way to tell the applicant',
};

/** Why some applications of a draft would not be moved. */
export const chanceWords: Record<Exclude<keyof BulkChances, 'allowed'>, string> = {
  changed: 'Changed after they were selected',
  notAllowed: 'Cannot be moved there from their status',
  gone: 'Deleted, or not yours to see',
};

export const tooManyBulkWords = `${mostBulkUnderWay} bulk moves are going on already, and no more at a time. Wait until one is done, or stop one.`;

/** What was done, as the page says it afterwards. */
export const bulkSavedWords: ReadonlyMap<string, string> = new Map([
  ['aimed', 'Nothing is moved yet. Look at what would happen, then start it.'],
  ['started', 'It has started. You can leave this page: it goes on.'],
  ['paused', 'It is paused.'],
  ['stopped', 'It is stopped. What was moved stays moved.'],
]);
