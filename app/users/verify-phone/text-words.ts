import { lookUp } from '@/app/look-up';
import type { VerificationState } from '@/lib/sms/verification-state';

const cannotBeTexted = 'This number cannot receive texts. Use another number, or continue without verifying.';
const notFromUs = 'We cannot send texts to this number. Use another number, or continue without verifying.';
const capReached =
  'No more texts can be sent for now. You can continue without verifying and verify your phone later.';
const ranOut = 'The code expired before it could be sent. Send a new one, or continue without verifying.';

/** What to do next about a text that failed, by the reason that the outbox keeps. */
const failureWords: Readonly<Record<string, string>> = {
  not_sent: 'No text has been sent yet.',
  invalid_number: cannotBeTexted,
  undeliverable: cannotBeTexted,
  undeliverable_number: cannotBeTexted,
  not_valid: cannotBeTexted,
  premium: notFromUs,
  toll_free: notFromUs,
  landline: cannotBeTexted,
  not_mobile: notFromUs,
  country_not_served: notFromUs,
  region_not_enabled: notFromUs,
  filtered: 'The carrier blocked the text. Use another number, or continue without verifying.',
  blocked_by_carrier:
    'The carrier or the phone blocks our texts. Use another number, or continue without verifying.',
  blocked_as_fraud: notFromUs,
  handset_unreachable:
    'The phone could not be reached. Check that it is on and has a signal, then send the code again, or continue without verifying.',
  budget:
    'The limit for texts in 24 hours has been reached. See below when the next code can be sent. You can also continue without verifying and verify your phone later.',
  crowded:
    'Very many people are asking for codes right now, so yours was not sent, and nothing was counted. See below when you can send it. You can also continue without verifying and verify your phone later.',
  internal_error:
    'Something went wrong on our side. Send the code again, or continue without verifying and verify your phone later.',
  daily_cap: capReached,
  expired: ranOut,
  validity_over: ranOut,
  challenge_closed: ranOut,
};

/** What to say about a text beyond its state; null: the state says it all. */
export function sayTextState(text: VerificationState['text']): string | null {
  switch (text.status) {
    case 'stopped':
      return 'This number opted out by texting STOP. Text START to the number our texts come from, or use another number.';
    case 'failed':
      return (
        lookUp(failureWords, text.reason) ??
        'Send the code again, use another number, or continue without verifying.'
      );
    case 'queued':
      return text.reason === null
        ? null
        : 'Texts are delayed right now. Yours will go out as soon as possible, as long as the code is valid. You can wait, or continue without verifying.';
    default:
      return null;
  }
}

/** How somebody who meets a limit that others used up gets on without a code. */
const waysOn = {
  skip: ', or continue without verifying',
  later: '. You do not have to verify this number now',
  none: '',
} as const;

/**
 * What to say where others used up what a number bears; null: they did not. `when` is the moment in words at
 * which the next code can be sent or tried; `wayOn` what else they can do.
 */
export function sayOthers(
  { byOthers, tries }: Pick<VerificationState, 'byOthers' | 'tries'>,
  { when, wayOn }: { when: string | null; wayOn: keyof typeof waysOn },
): string | null {
  if (!byOthers) return null;
  const did = tries.retryAt
    ? 'Other people asked for codes to this number and entered wrong ones.'
    : 'Other people asked for codes to this number, so none can be sent right now.';
  return `${did} You can try again ${when ?? 'later'}${waysOn[wayOn]}.`;
}
