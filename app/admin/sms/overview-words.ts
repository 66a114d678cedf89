import { lookUp } from '@/app/_format/look-up';
import type { Tone } from '@/components/ui/Notice';
import type { SeenText } from '@/lib/reporting/sms-texts';
import type { SeenAttempt } from '@/lib/reporting/verification-attempts';
import { statuses } from './overview-query';

const purposes: Record<SeenText['purpose'], string> = {
  verification: 'Code',
  update: 'Update',
  notice: 'Notice',
  reply: 'Reply',
  test: 'Test',
  inbound: 'From a person',
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
