import { lookUp } from './look-up';
import type { Tone } from '@/components/ui/Notice';
import type { ApplicationStatus } from '@/lib/applications/moves';
import type { MyApplication, MyEvent } from '@/lib/applications/my-applications';

/** What each status is called on pages: by its applicant's side, and by those who see to it. */
export const statusWords: Record<ApplicationStatus, string> = {
  draft: 'Draft',
  submitted: 'Submitted',
  in_review: 'In review',
  documents_needed: 'Documents needed',
  approved: 'Approved',
  declined: 'Declined',
  withdrawn: 'Withdrawn',
};

/** How a badge of each status looks. */
const statusTones: Record<ApplicationStatus, Tone> = {
  draft: 'neutral',
  submitted: 'info',
  in_review: 'info',
  documents_needed: 'warning',
  approved: 'success',
  declined: 'danger',
  withdrawn: 'neutral',
};

/** What a row's status is called, also one that no version of ours has written. */
export function nameStatus(status: ApplicationStatus): string {
  return lookUp(statusWords, status) ?? 'Unknown';
}

/** How its badge looks. */
export function toneOfStatus(status: ApplicationStatus): Tone {
  return lookUp(statusTones, status) ?? 'neutral';
}

type Standing = Pick<MyApplication, 'status' | 'isAnswered'>;

const isBackWithUs = ({ status, isAnswered }: Standing) => status === 'documents_needed' && isAnswered;

/** The badge of an application, for its applicant: whose turn it is is part of it. */
export function showStatus(application: Standing): { words: string; tone: Tone } {
  return isBackWithUs(application)
    ? { words: 'Answered', tone: 'info' }
    : { words: nameStatus(application.status), tone: toneOfStatus(application.status) };
}

/**
 * What happens next to an application, for its applicant. `isExplained`: what was written to them about its end follows, which may
 * ask something of them.
 */
export function sayNext(application: Standing, isExplained = false): string {
  const { status } = application;
  if (isBackWithUs(application)) {
    return 'We have your answer and will look at it. You can add to it below until we do.';
  }
  if (isExplained && status === 'approved') return 'We approved your application, and wrote to you:';
  if (isExplained && status === 'declined') return 'We declined your application, and wrote to you:';
  if (isExplained && status === 'withdrawn') return 'We withdrew your application for you, and wrote to you:';
  return lookUp(nextWords, status) ?? 'Something about it is not as it should be. Contact us about it.';
}

const nextWords: Record<ApplicationStatus, string> = {
  draft: 'Only you can see this draft. Submit it when it is ready.',
  submitted: 'We have it. Someone will look at it soon. There is nothing you need to do.',
  in_review: 'We are looking at it now. There is nothing you need to do.',
  documents_needed: 'We need something from you before we can go on. Read what, and answer below.',
  approved: 'We approved your application. There is nothing more you need to do here.',
  declined: 'We declined your application. There is nothing more you can do here.',
  withdrawn: 'This application was withdrawn, so nobody works on it anymore.',
};

/**
 * What one event of the timeline says to the applicant, without its note; `before` is the status that they saw it come from.
 */
export function sayMyEvent(event: MyEvent, before: ApplicationStatus | null): string {
  const { kind, toStatus, isMine } = event;
  if (kind === 'answered') {
    if (!event.byText) return 'You answered';
    return before === 'documents_needed' ? 'You answered by text' : 'You texted us';
  }
  if (kind === 'noted' || toStatus === null) return 'We left you a note';
  if (isMine) return toStatus === 'withdrawn' ? 'You withdrew it' : 'You submitted it';
  if (toStatus === 'in_review' && (before === 'approved' || before === 'declined')) {
    return 'We are looking at it again';
  }
  return lookUp(eventWords, toStatus) ?? 'It was changed';
}

const eventWords: Record<ApplicationStatus, string> = {
  draft: 'It is a draft again',
  submitted: 'It was submitted for you',
  in_review: 'We are reviewing it',
  documents_needed: 'We need documents',
  approved: 'Approved',
  declined: 'Declined',
  withdrawn: 'We withdrew it for you',
};

/** What a form about an application answers while others change it for as long as a request waits. */
export const applicationHeldWords =
  'Nothing was saved: this application is being changed by other requests right now. What you typed is still here. Please try again in a moment.';
