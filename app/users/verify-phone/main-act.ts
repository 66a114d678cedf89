import { hearsCodes, type VerificationState } from '@/lib/sms/verification/state';
import { codeLife } from './text-words';

/** What the page is for: a code, another number where no text reaches this one, or a new code. */
export type MainAct = 'code' | 'number' | 'new_code';

/** Finds it. */
export function chooseMainAct(state: VerificationState): MainAct {
  if (state.deadEnd) return 'number';
  if (hearsCodes(state)) return 'code';
  return state.blocked ? 'number' : 'new_code';
}

/** Nobody watches a button for longer than this until it works. */
const longWaitSeconds = 120;

/** Whether nothing but going on without a code can be done for now: a new one takes long. `nextAt`: when it can be asked for or tried. */
export function waitsLong(asks: MainAct, nextAt: Date | null, now: Date): boolean {
  return asks === 'new_code' && nextAt !== null && nextAt.getTime() - now.getTime() > longWaitSeconds * 1000;
}

const headings: Record<MainAct, string> = {
  code: 'Enter the code',
  number: 'Use another number',
  new_code: 'Get a new code',
};

/** What the page is called; where no code was ever sent to this number, none is new. */
export function sayHeading(
  { blocked, challenge, closed }: Pick<VerificationState, 'blocked' | 'challenge' | 'closed'>,
  asks: MainAct,
): string {
  if (blocked === 'stopped' && asks === 'number') return 'Verify your phone';
  if (blocked === 'stopped' && asks === 'code') return 'Enter the code if you have it';
  return asks === 'new_code' && challenge === null && closed === null ? 'No code was sent' : headings[asks];
}

/** Where the code is that the page is about; null: none is out or on its way. */
export function sayWhereCodeIs(
  { blocked, challenge, text }: Pick<VerificationState, 'blocked' | 'challenge' | 'text'>,
  asks: MainAct,
): string | null {
  if (challenge === null || asks === 'number') return null;
  if (blocked === 'stopped') return 'No new code comes to this number. One that has arrived still works.';
  if (text.status === 'queued') return 'We text a six-digit code to this number.';
  return text.status === 'failed' ? null : 'We texted a six-digit code to this number.';
}

const closedWords: Record<NonNullable<VerificationState['closed']>, string> = {
  tries_spent: 'Five wrong codes were entered, so the last code no longer works.',
  expired: `The last code has expired. ${codeLife}`,
  ended: 'The last code no longer works.',
};

/** Why the last code hears nothing any more; `triesAt` when the number may be tried again, in words. Null: there was none. */
export function sayClosed(
  { closed }: Pick<VerificationState, 'closed'>,
  triesAt: string | null,
): string | null {
  if (triesAt !== null)
    return `Too many wrong codes were entered for this number. You can try again ${triesAt}.`;
  return closed && closedWords[closed];
}
