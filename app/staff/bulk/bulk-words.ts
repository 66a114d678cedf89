import { lookUp } from '@/app/_format/look-up';
import { sayRoughly } from '@/app/_format/say-roughly';
import { sayCount } from '@/app/admin/report-words';
import { moveWords } from '@/app/staff/applications/words';
import type { SelectOption } from '@/components/inputs/Select';
import type { Tone } from '@/components/ui/Notice';
import type { ApplicationStatus } from '@/lib/applications/moves';
import { reminderDays } from '@/lib/applications/move-application';
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
  const words = lookUp(moveWords, to)?.words ?? 'No target yet';
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
  moved_too_often: 'It was moved too often lately, by other bulk moves',
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

/** What was done, as the page says it afterwards. `info`: nothing was yet. */
export const bulkSavedWords: ReadonlyMap<string, { title: string; tone?: 'info' }> = new Map([
  [
    'aimed',
    { title: 'Nothing is moved yet. Look at what would happen, then start it.', tone: 'info' as const },
  ],
  ['started', { title: 'It has started. You can leave this page: it goes on.' }],
  ['paused', { title: 'It is paused.' }],
  ['stopped', { title: 'It is stopped. What was moved stays moved.' }],
]);

/** Over the names of a draft's applications: that these are all, or the first of how many. */
export function sayNamed(named: number, all: number): string {
  return named < all ? `The first ${sayCount(named)} of ${sayApplications(all)}` : 'Which applications';
}

/** The same over those that would not be moved. */
export function sayStaying(named: number, all: number): string {
  if (named < all) return `The first ${sayCount(named)} of ${sayCount(all)} that stay, and why`;
  return all === 1 ? 'The one that stays, and why' : 'Those that stay, and why';
}

/** Where the applications of a draft are now: `2 are in review, 1 is submitted`. */
export function sayBulkSources(byStatus: BulkPage['byStatus']): string {
  return byStatus
    .map(({ status, count }) => {
      const are = count === 1 ? 'is' : 'are';
      return `${sayCount(count)} ${lookUp(sourceWords, status)?.(are) ?? `${are} ${status}`}`;
    })
    .join(', ');
}

const sourceWords: Record<ApplicationStatus, (are: 'is' | 'are') => string> = {
  draft: (are) => (are === 'is' ? 'is a draft' : 'are drafts'),
  submitted: (are) => `${are} submitted`,
  in_review: (are) => `${are} in review`,
  documents_needed: (are) => (are === 'is' ? 'needs documents' : 'need documents'),
  approved: (are) => `${are} approved`,
  declined: (are) => `${are} declined`,
  withdrawn: (are) => `${are} withdrawn`,
};

/** How long sending takes at the sender's pace, alone and in turns with what other bulk moves have left; null: it has no pace, or sends nothing. */
export function sayBulkSending({
  texts,
  pace,
  left,
}: {
  texts: number;
  pace: number | null;
  left: number;
}): string | null {
  if (pace === null || texts === 0) return null;
  const alone = `About ${sayRoughly(texts / pace)} at ${pace === 1 ? '1 text' : `${pace} texts`} a second`;
  return left === 0
    ? alone
    : `${alone}, up to ${sayRoughly((texts + left) / pace)} while other bulk moves go on`;
}

/** What the other bulk moves have left, which goes in turns with this one. */
export function sayOtherBulk({ moves, left }: { moves: number; left: number }): string {
  const turns = 'They go in turns with this one.';
  if (moves === 0) return `${sayCount(left)} of their texts still wait. ${turns}`;
  const going = moves === 1 ? '1 is going on' : `${sayCount(moves)} are going on`;
  return `${going}, with ${left === 1 ? '1 application or text' : `${sayCount(left)} applications and texts`} left. ${turns}`;
}

/** The reminders that follow where something is asked for. */
export function sayBulkReminders({ reminders, cost }: { reminders: number; cost: string }): string {
  const days = reminderDays.join(' and ');
  return `Up to ${sayCount(reminders)}, ${days} days later, to those who have not answered. By text they cost up to ${cost} more.`;
}
