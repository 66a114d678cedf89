import { lookUp } from '@/app/_format/look-up';
import type { Prover } from '@/lib/sms/verification/prover';
import { limits } from '@/lib/rate-limits/limits';
import type { VerificationState } from '@/lib/sms/verification/state';

/** How long a code works, as a sentence. */
export const codeLife = `Codes work for ${limits.codeTtlSeconds / 60} minutes.`;

/** How a person continues without a code: `skip` opens the account at once; with `later` it is open already. */
export type WayOn = 'skip' | 'later' | 'none';

/** What a person can do who does not get their code. */
export function wayOnOf({ purpose, role }: Pick<Prover, 'purpose' | 'role'>): WayOn {
  if (purpose !== 'activate') return 'later';
  return role === 'applicant' ? 'skip' : 'none';
}

/** The words about a failure; `or` ends a sentence of ways on, `also` is one of its own. */
type Say = (way: { or: string; also: string }) => string;

const cannotBeTexted: Say = ({ or }) => `This number cannot receive texts. Use another number${or}.`;
const notFromUs: Say = ({ or }) => `We cannot send texts to this number. Use another number${or}.`;
const ranOut: Say = ({ or }) => `The code expired before it could be sent. Send a new one${or}.`;

/** What to do next about a text that failed, by the reason that the outbox keeps. */
const failureWords: Readonly<Record<string, Say>> = {
  not_sent: ({ also }) => `See below when you can send one.${also}`,
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
  filtered: ({ or }) => `The carrier blocked the text. Use another number${or}.`,
  blocked_by_carrier: ({ or }) => `The carrier or the phone blocks our texts. Use another number${or}.`,
  blocked_as_fraud: notFromUs,
  handset_unreachable: ({ or }) =>
    `The phone could not be reached. Check that it is on and has a signal, then send the code again${or}.`,
  budget: ({ also }) =>
    `The limit for texts in 24 hours has been reached. See below when the next code can be sent.${also}`,
  crowded: ({ also }) =>
    `Very many people are asking for codes right now, so yours was not sent, and nothing was counted. See below when you can send it.${also}`,
  range_closed: ({ also }) =>
    `We cannot text new numbers in this range right now, so no code was sent, and nothing was counted. See below when you can try again.${also}`,
  network_closed: ({ also }) =>
    `We cannot text new numbers from your network right now, so no code was sent, and nothing was counted. See below when you can try again.${also}`,
  internal_error: ({ also }) => `Something went wrong on our side. Send the code again.${also}`,
  daily_cap: ({ also }) => `No more texts can be sent for now.${also}`,
  expired: ranOut,
  validity_over: ranOut,
  challenge_closed: ranOut,
};

const failed: Say = ({ or }) => `Send the code again${or === '' ? ' or' : ','} use another number${or}.`;

/** What to say about a text besides its state, and what the person can do; null: the state is enough. */
export function sayTextState(text: VerificationState['text'], wayOn: WayOn): string | null {
  const also = {
    skip: ' You can also continue without verifying and verify your phone later.',
    later: ' You do not have to verify this number now.',
    none: '',
  };
  const way = { or: wayOn === 'skip' ? ', or continue without verifying' : '', also: also[wayOn] };
  switch (text.status) {
    case 'stopped':
      return 'This number opted out by texting STOP. You can use another number.';
    case 'failed':
      return (lookUp(failureWords, text.reason) ?? failed)(way);
    case 'queued':
      return text.reason === null
        ? text.repeats === 'by_itself'
          ? 'The first text did not arrive, so we are sending it again.'
          : null
        : `Texts are delayed right now. Yours will go out as soon as possible, as long as the code is valid. You can wait${way.or}.`;
    case 'sent':
    case 'delivered':
      return sayRepeated(text.repeats);
  }
}

function sayRepeated(repeats: VerificationState['text']['repeats']): string | null {
  if (repeats === null) return null;
  return repeats === 'by_itself'
    ? 'The first text did not arrive, so we sent it again.'
    : 'We sent it again, with the same code.';
}

/** How someone who meets a limit that others used up gets on without a code. */
const waysOn: Record<WayOn, string> = {
  skip: ', or continue without verifying',
  later: '. You do not have to verify this number now',
  none: '',
};

/**
 * What to say where others used up what a number bears; null: they did not. `when` is the moment in words at
 * which the next code can be sent or tried; `wayOn` what else they can do.
 */
export function sayOthers(
  { byOthers, tries }: Pick<VerificationState, 'byOthers' | 'tries'>,
  { when, wayOn }: { when: string | null; wayOn: WayOn },
): string | null {
  if (!byOthers) return null;
  const did = tries.retryAt
    ? 'Other people asked for codes to this number and entered wrong ones.'
    : 'Other people asked for codes to this number, so none can be sent right now.';
  return `${did} You can try again ${when ?? 'later'}${waysOn[wayOn]}.`;
}

/** What to say about a number of which the carrier says that no text arrives; `when` it can be tried again, in words. */
export function sayUndeliverable(when: string | null, wayOn: WayOn): string {
  return `The carrier says so. Use another number, or try this one again ${when ?? 'later'}${waysOn[wayOn]}.`;
}
