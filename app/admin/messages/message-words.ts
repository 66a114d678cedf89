import { lookUp } from '@/app/_format/look-up';
import { sayUsd } from '@/app/_format/say-usd';
import type { Tone } from '@/components/ui/Notice';
import type { SeenText } from '@/lib/reporting/sms-texts';
import type { SeenAttempt } from '@/lib/reporting/verification-attempts';

const purposes: Record<SeenText['purpose'], string> = {
  verification: 'Code',
  update: 'Update',
  notice: 'Notice',
  reply: 'Reply',
  test: 'Test',
  inbound: 'From a person',
};

/** What each template tells, as the list of them has it. */
export const templates: Record<string, string> = {
  verification: 'Code',
  optInConfirmation: 'Texts turned on',
  applicationStatus: 'News of an application',
  documentsNeeded: 'Documents needed',
  documentsReminder: 'Reminder of documents',
  phoneChanged: 'Number replaced',
  securityNotice: 'Security notice',
  resetFactors: 'Second factor reset',
  test: 'Test',
  stopConfirmation: 'Answer to STOP',
  stopUpdatesConfirmation: 'Answer to STOP to updates',
  startConfirmation: 'Answer to START',
  help: 'Answer to HELP',
  answerTaken: 'Answer to an answer',
  answerUnclear: 'Question which application is meant',
  inbound: 'From a person',
};

export const statuses: Record<SeenText['status'], string> = {
  queued: 'Queued',
  sending: 'Sending',
  sent: 'Sent',
  delivered: 'Delivered',
  failed: 'Failed',
  canceled: 'Canceled',
  received: 'Received',
};

const statusTones: Record<SeenText['status'], Tone> = {
  queued: 'neutral',
  sending: 'neutral',
  sent: 'info',
  delivered: 'success',
  failed: 'danger',
  canceled: 'neutral',
  received: 'info',
};

type AttemptWords = { words: string; tone: Tone };

const events: Record<SeenAttempt['event'], AttemptWords> = {
  send_requested: { words: 'Code requested', tone: 'info' },
  send_refused: { words: 'Sending refused', tone: 'danger' },
  wrong_code: { words: 'Wrong code', tone: 'danger' },
  check_refused: { words: 'Code not heard', tone: 'danger' },
  verified: { words: 'Verified', tone: 'success' },
  expired: { words: 'Code expired', tone: 'warning' },
  replaced: { words: 'Account replaced', tone: 'neutral' },
  skipped: { words: 'Skipped', tone: 'neutral' },
};

const notAdded: AttemptWords = { words: 'Code was right, number not added', tone: 'warning' };

/** What a text is for; a purpose that we do not know is shown as it is. */
export function sayPurpose(purpose: string): string {
  return lookUp(purposes, purpose) ?? sayReason(purpose);
}

/** What a text tells; a template that we do not know is shown as it is. */
export function sayTemplate(template: string): string {
  return lookUp(templates, template) ?? sayReason(template);
}

/** The state of a text; one that we do not know is shown as it is. */
export function sayStatus(status: string): AttemptWords {
  return {
    words: lookUp(statuses, status) ?? sayReason(status),
    tone: lookUp(statusTones, status) ?? 'neutral',
  };
}

/** What happened at a verification; an event that we do not know is shown as it is. */
export function sayAttempt(event: string, reason: string | null): AttemptWords {
  if (event === 'verified' && reason === 'number_protected') return notAdded;
  return lookUp(events, event) ?? { words: sayReason(event), tone: 'neutral' };
}

/** A reason out of a row, for reading. */
export function sayReason(reason: string): string {
  return reason.replaceAll('_', ' ');
}

/** Why a text failed or waits; null: there is nothing to say. */
export function sayWhy({ errorCode, reason }: Pick<SeenText, 'errorCode' | 'reason'>): string | null {
  const parts = [errorCode && `Error ${errorCode}`, reason && sayReason(reason)].filter(Boolean);
  return parts.length === 0 ? null : parts.join(': ');
}

/** What a text costs, and whether that is our estimate; null: nothing so far. */
export function sayPrice({ priceUsd, settled }: Pick<SeenText, 'priceUsd' | 'settled'>): string | null {
  return priceUsd === null ? null : `${sayUsd(priceUsd)}${settled ? '' : ' est.'}`;
}
