import { nameStatus, statusWords, toneOfStatus } from '@/app/_format/application-words';
import { lookUp } from '@/app/_format/look-up';
import type { ButtonVariant } from '@/components/ui/Button';
import type { Tone } from '@/components/ui/Notice';
import type { ApplicationStatus } from '@/lib/applications/moves';
import type { SeenEvent, SeenNotice, SeenReach } from '@/lib/reporting/application-page';
import type { ListedApplication } from '@/lib/reporting/applications-list';

type News = NonNullable<ListedApplication['news']>;

/** A status as the operator's people read it. */
export function sayApplicationStatus(status: ApplicationStatus): { words: string; tone: Tone } {
  return { words: nameStatus(status), tone: toneOfStatus(status) };
}

/** What a move is called, on its button too. */
export const moveWords: Record<ApplicationStatus, { words: string; variant: ButtonVariant }> = {
  draft: { words: 'Move to Draft', variant: 'secondary' },
  submitted: { words: 'Move to Submitted', variant: 'secondary' },
  in_review: { words: 'Move to In review', variant: 'secondary' },
  documents_needed: { words: 'Ask for documents', variant: 'secondary' },
  approved: { words: 'Approve', variant: 'secondary' },
  declined: { words: 'Decline', variant: 'danger' },
  withdrawn: { words: 'Withdraw for the applicant', variant: 'secondary' },
};

/** Where an application usually goes next. From In review there is none: no decision is put forward. */
export const usualMoves: Partial<Record<ApplicationStatus, ApplicationStatus>> = {
  submitted: 'in_review',
  documents_needed: 'in_review',
};

/** What the list can be narrowed down to of the last news. */
export const newsWords: Record<Exclude<News, 'superseded'>, string> = {
  waiting: 'Not sent yet',
  texted: 'Texted',
  mailed: 'Mailed',
  unreached: 'Not reached',
};

export const ageWords: Record<'1' | '3' | '7', string> = {
  '1': 'More than 1 day',
  '3': 'More than 3 days',
  '7': 'More than 7 days',
};

type TextStatus = SeenNotice['textStatus'];

const textWords: Record<NonNullable<TextStatus>, { words: string; tone: Tone }> = {
  queued: { words: 'Text waits', tone: 'neutral' },
  sending: { words: 'Text is being sent', tone: 'neutral' },
  sent: { words: 'Text sent', tone: 'info' },
  delivered: { words: 'Text delivered', tone: 'success' },
  failed: { words: 'Text failed', tone: 'danger' },
  canceled: { words: 'Text withdrawn', tone: 'warning' },
  received: { words: 'Text received', tone: 'info' },
};

/** What became of news, shortly. */
export function sayNews(state: News, textStatus: TextStatus): { words: string; tone: Tone } {
  switch (state) {
    case 'waiting':
      return { words: 'Not sent yet', tone: 'neutral' };
    case 'texted':
      return lookUp(textWords, textStatus) ?? { words: 'Texted', tone: 'info' };
    case 'mailed':
      return { words: 'Mailed', tone: 'info' };
    case 'unreached':
      return { words: 'Not reached', tone: 'danger' };
    case 'superseded':
      return { words: 'Not needed any more', tone: 'neutral' };
    default:
      // A row of another version may hold any word.
      return { words: 'News', tone: 'neutral' };
  }
}

/** The status of a text as marks have it; null: none is known. */
export function markOfText(status: TextStatus): 'queued' | 'sent' | 'delivered' | 'failed' | null {
  switch (status) {
    case null:
    case 'received':
      return null;
    case 'sending':
      return 'queued';
    case 'canceled':
      return 'failed';
    default:
      return status;
  }
}

const noticeWords: Record<SeenNotice['kind'], string> = {
  news: 'News',
  documents: 'News',
  reminder: 'Reminder',
};

/** What a notice is called. */
export function sayNoticeKind({ kind }: Pick<SeenNotice, 'kind'>): string {
  return lookUp(noticeWords, kind) ?? 'News';
}

/** What happened, as the title of an entry of the timeline. */
export function sayEvent({ kind, fromStatus, toStatus, byText }: SeenEvent): string {
  switch (kind) {
    case 'moved': {
      const from = lookUp(statusWords, fromStatus);
      const to = lookUp(statusWords, toStatus);
      return from === undefined ? (to ?? 'Another status') : `${from} to ${to ?? 'another status'}`;
    }
    case 'answered':
      return byText ? 'The applicant texted' : 'The applicant answered';
    case 'noted':
      return 'Note';
    case 'assigned':
      return 'Assignee changed';
    default:
      return 'Changed';
  }
}

const noTextWords: Record<NonNullable<SeenReach['noText']>, string> = {
  no_phone: 'no phone',
  not_verified: 'phone not verified',
  stopped: 'opted out',
  no_consent: 'has not agreed to texts',
  turned_off: 'texts turned off',
  undeliverable: 'their carrier takes no texts for this number',
  out_of_service: 'phone to be verified again, since their carrier reported it as out of service',
  dead_number: 'phone to be verified again, since texts did not reach it',
  no_account: 'no account',
  gone: 'account deleted',
  deactivated: 'account deactivated',
};

/** Whether and how news reaches someone; `quietUntil` in words. */
export function sayReach({ noText, byMail }: SeenReach, quietUntil: string | null): string {
  const words =
    noText === null
      ? `verified, texts on${quietUntil === null ? '' : `, quiet until ${quietUntil}`}`
      : `${noTextWords[noText]}: ${byMail ? 'news by email only' : 'no way to reach them'}`;
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** What was done, or could not be, as the page of an application says it afterwards. */
export const applicationSavedWords: ReadonlyMap<string, { title: string; tone: 'success' | 'warning' }> =
  new Map([
    ['moved', { title: 'It was moved.', tone: 'success' }],
    ['undone', { title: 'It is undone. The applicant saw and heard nothing of it.', tone: 'success' }],
    [
      'undone_already',
      { title: 'It is undone already. The applicant saw and heard nothing of it.', tone: 'success' },
    ],
    [
      'too_late',
      {
        title:
          'It was too late to undo this: the applicant sees it already, or someone else has moved the application on. Nothing was changed.',
        tone: 'warning',
      },
    ],
    ['assigned', { title: 'Saved who sees to it.', tone: 'success' }],
    ['noted', { title: 'The note was added. Nothing was sent for it.', tone: 'success' }],
    ['opened', { title: 'The application is open. It is assigned to you.', tone: 'success' }],
  ]);
