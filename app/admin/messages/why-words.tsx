import type { ReactNode } from 'react';
import { lookUp } from '@/app/_format/look-up';
import { LogMoment } from '@/app/_format/log-moment';
import { sayCalendarDay, sayWallTime, type Clock } from '@/app/_format/say-moment';
import { sayUsd } from '@/app/_format/say-usd';
import { TextLink } from '@/components/ui/TextLink';
import type { Tone } from '@/components/ui/Notice';
import type { SeenMessage } from '@/lib/reporting/message-page';
import type { ProviderReason } from '@/lib/sms/delivery/error-codes';
import { cityOf } from '@/lib/zone-city';
import { sayMedium, sayScope } from '../consent-words';
import { sayReason } from './message-words';

type Gate = NonNullable<SeenMessage['gates']>[number];
type GateName = Gate['gate'];

/** What has to be known of a text to say what a gate says of it. */
export type AskedText = Pick<SeenMessage, 'status' | 'errorCode'>;

/** What each gate asks about, in the order of a text's way. */
const questions: Record<GateName, string> = {
  withdrawn: 'Is it still wanted?',
  outcome: 'Did the provider take it when it was called?',
  due: 'Is it due?',
  request: 'May a code be asked for now?',
  life: 'Is it still worth sending?',
  challenge: 'Is its code still open?',
  number: 'May this number be texted?',
  opt_out: 'Does the number take our texts?',
  carrier: 'Does the carrier take texts for the number?',
  account: 'Is there an account?',
  account_open: 'Is the account active?',
  consent: 'Did the person agree?',
  holder: 'Is the number proven?',
  fresh_proof: 'Is it still the person’s, as far as carriers tell?',
  wish: 'Does the person want this kind of text?',
  quiet_hours: 'Is it outside quiet hours?',
  number_limit: 'Is the number within its limit of codes?',
  body: 'Can it be written?',
  SMS_DAILY_BUDGET_USD: 'Does it fit the budget for everyone?',
  SMS_DAILY_BUDGET_PER_USER_USD: 'Does it fit the cap of the person?',
  all_but_kept: 'Does it leave what is kept for getting into accounts?',
  share_of_updates: 'Does it leave what people need for their codes?',
  share_of_many: 'Does it leave what new people need for their codes?',
  strangers_share: 'Does it fit the share of numbers that are not proven?',
  wide_network_share: 'Does it fit the share of its provider’s network?',
  network_share: 'Does it fit the share of its network?',
  prefix_share: 'Does it fit the share of numbers that begin like this one?',
  sender: 'Is the sender at work?',
  provider: 'Did the provider and the carrier take it?',
};

export function sayQuestion({ gate }: Gate): string {
  return questions[gate];
}

const answers: Record<Gate['answer'], { words: string; tone: Tone }> = {
  pass: { words: 'Passes', tone: 'success' },
  hold: { words: 'Waits', tone: 'warning' },
  refuse: { words: 'Says no', tone: 'danger' },
  not_asked: { words: 'Not asked', tone: 'neutral' },
  not_reached: { words: 'Not reached', tone: 'neutral' },
};

export function sayAnswer({ answer }: Gate, message: AskedText): { words: string; tone: Tone } {
  return answer === 'pass' && isOver(message) ? letPass : answers[answer];
}

const letPass: { words: string; tone: Tone } = { words: 'Let it pass', tone: 'neutral' };

/** Whether a gate keeps the text back. */
export function isAgainst({ answer }: Gate): boolean {
  return answer === 'hold' || answer === 'refuse';
}

/** What the gates come to, for who reads no further. */
export function saySummary(gates: readonly Gate[], message: AskedText): ReactNode {
  const first = gates.find(isAgainst);
  if (isOver(message)) {
    if (first?.gate === 'provider') return sayFailure(first.reason, message.errorCode);
    return gates.length === 1
      ? 'It ended here.'
      : 'It ended where it says no. What comes before that did not keep it back.';
  }
  if (first === undefined) {
    return gates.length === 0
      ? 'Nothing is known about it any more.'
      : 'Nothing keeps it back: it goes out now.';
  }
  if (first.gate === 'outcome') {
    return 'It may have gone out: the provider gave no answer, and is asked before it is sent again.';
  }
  return first.answer === 'hold'
    ? 'It waits. Every rule is asked as of now, and again when it is due.'
    : 'It will end where it says no, unless that changes before it is due. Every rule is asked as of now.';
}

type Failure = { was: string; next: ReactNode };

const askedAgain = 'Nothing to do: it was tried again as often as it may be.';
const paceOfSender =
  'Nothing to do for this one. If it comes often, compare SMS_MESSAGES_PER_SECOND with what the sender’s registration allows.';
const registration = 'Finish the registration of the sender in the Twilio console.';
const pumping = (
  <>
    See <TextLink href="/admin/pumping">Pumping</TextLink>. If the person is real, ask Twilio about the
    number.
  </>
);

/** What an error of the provider means, and what an admin does about it. */
const failures: Record<ProviderReason, Failure> = {
  provider_authentication: {
    was: 'the provider did not take our credentials',
    next: 'Correct TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, and restart.',
  },
  too_many_requests: { was: 'the provider got more requests than it takes', next: paceOfSender },
  invalid_number: {
    was: 'the number does not exist, or takes no texts',
    next: 'The person has to correct their number.',
  },
  region_not_enabled: {
    was: 'the provider does not send to this country for us',
    next: 'Allow the country in the Twilio console, or take it out of SMS_COUNTRIES.',
  },
  opted_out: { was: 'the number opted out', next: 'Nothing to do: START from the phone allows texts again.' },
  queue_full: { was: 'too many texts waited at the provider', next: paceOfSender },
  handset_unreachable: {
    was: 'the phone could not be reached: it was off, or without a signal',
    next: 'Nothing to do: the next text may arrive, and a new code may be asked for.',
  },
  undeliverable_number: {
    was: 'the number cannot be texted, as that of a landline, or it is not in use any more',
    next: 'It is not tried for a day. The person has to use another number.',
  },
  filtered: {
    was: 'a carrier filtered it as unwanted',
    next: (
      <>
        Compare what it says with the samples of the campaign. How many were filtered is under{' '}
        <TextLink href="/admin/sender">Sender</TextLink>.
      </>
    ),
  },
  unknown_error: { was: 'the carrier did not say why', next: askedAgain },
  rate_limited: { was: 'the sender was faster than the carrier allows', next: paceOfSender },
  daily_cap: {
    was: 'the sender had sent as much as the carrier allows in a day',
    next: 'Ask Twilio for a higher limit, or use another sender.',
  },
  sender_not_registered: { was: 'the sender is not registered with the carriers', next: registration },
  provider_timeout: { was: 'the provider gave up on it', next: askedAgain },
  blocked_as_pumping: {
    was: 'the provider takes its number’s range for one that fraudsters use',
    next: pumping,
  },
  blocked_as_fraud: { was: 'the provider blocked it as fraud', next: pumping },
  blocked_by_carrier: {
    was: 'the carrier blocks texts to the number',
    next: 'The person has to ask their carrier, or use another number.',
  },
  validity_over: {
    was: 'the provider held it for longer than it was worth anything',
    next: 'Nothing to do: a new code may be asked for.',
  },
  provider_internal_error: { was: 'the provider had a fault', next: askedAgain },
  provider_refused: {
    was: 'the provider refused it',
    next: 'Look the error up at twilio.com/docs/api/errors.',
  },
  provider_unreachable: { was: 'the provider could not be reached', next: askedAgain },
  provider_fault: { was: 'the provider had a fault', next: askedAgain },
};

/** The one sentence about a text that the provider or a carrier did not take, and the next step. */
function sayFailure(reason: string | null, errorCode: number | null): ReactNode {
  const failure = lookUp(failures, reason);
  const was = failure?.was ?? (reason === null ? 'nothing says why' : sayReason(reason));
  const code = errorCode === null ? '' : ` (error ${errorCode})`;
  return (
    <>
      It failed: {was}
      {code}. {failure?.next}
    </>
  );
}

/** Whether its gates are what its row remembers, and not what they would say now. */
function isOver({ status }: AskedText): boolean {
  return status === 'failed' || status === 'canceled';
}

/** What has to happen before a gate that says no lets such a text pass. */
const remedies: Partial<Record<GateName, string>> = {
  withdrawn: 'It is not sent any more.',
  life: 'It never passes again.',
  challenge: 'It never passes again: a new code is a new text.',
  number: 'It passes once SMS_COUNTRIES has the country, and never for a kind of number that is not texted.',
  request: 'It passes once START comes from the number, or someone turns texts on for it again.',
  opt_out: 'It passes once START comes from the number, or someone turns texts on for it again.',
  account: 'It never passes again.',
  account_open: 'It passes once an admin reactivates the account.',
  consent:
    'It passes once the person agrees: to updates on their page of preferences, to codes where they ask for one.',
  holder: 'It passes once the person enters a code that was sent to the number.',
  fresh_proof: 'It passes once the person verifies the number again.',
  wish: 'It passes once the person turns this kind of text on.',
  body: 'Its row cannot be read. Look at the log of the dispatcher.',
};

/** What a gate says in words: its value, its limit, and when it would let the text pass. */
export function sayGate(gate: Gate, message: AskedText, clock: Required<Clock>): ReactNode {
  const { gate: name, answer, passesAt } = gate;
  if (answer === 'not_asked' || answer === 'not_reached') return null;
  // What it said then was not kept.
  if (answer === 'pass' && isOver(message)) return null;
  const detail = readDetail(gate);
  const when = passesAt ?? asMoment(detail('retryAt') ?? (answer === 'refuse' ? detail('until') : null));
  return (
    <>
      {sayFacts(gate, message, clock)}{' '}
      {answer !== 'pass' && when !== null ? (
        <>
          It passes <LogMoment at={when} clock={clock} />.
        </>
      ) : answer === 'refuse' ? (
        lookUp(remedies, name)
      ) : null}
    </>
  );
}

function sayFacts(gate: Gate, { errorCode }: AskedText, clock: Required<Clock>): ReactNode {
  const { answer, reason } = gate;
  const detail = readDetail(gate);
  const isPassed = answer === 'pass';
  const why = reason === null ? null : sayReason(reason);
  switch (gate.gate) {
    case 'withdrawn':
      return `It was withdrawn before it went out: ${why ?? 'nothing says why'}.`;
    case 'outcome': {
      const [since, askedAt] = [asMoment(detail('since')), asMoment(detail('askedAt'))];
      const lookUps = Number(detail('lookUps'));
      return (
        <>
          Not known. The provider was called
          {since === null ? '' : ' '}
          {since === null ? null : <LogMoment at={since} clock={clock} />} and gave no answer.
          {lookUps > 0 ? ` It was asked ${lookUps === 1 ? 'once' : `${lookUps} times`} since.` : null}
          {askedAt !== null && askedAt > clock.now ? (
            <>
              {' '}
              It is asked next <LogMoment at={askedAt} clock={clock} />.
            </>
          ) : null}
        </>
      );
    }
    case 'due':
      return isPassed ? 'It is.' : `Not yet${why === null ? '' : `: ${why}`}.`;
    case 'request':
      return isPassed
        ? `It may, ${detail('remaining') ?? 0} times. The limit is ${detail('limit') ?? 'not known'}.`
        : sayRequestRefusal(reason, detail('limit'));
    case 'life': {
      const until = asMoment(detail('expiresAt'));
      const least = detail('shortestLifeSeconds');
      if (until === null) return null;
      return (
        <>
          It is worth something until <LogMoment at={until} clock={clock} />
          {least === null ? null : `, and needs ${least} seconds for its way`}.
        </>
      );
    }
    case 'challenge':
      return isPassed ? 'It is.' : 'It was used or replaced, or its time is over.';
    case 'number': {
      const [value, limit] = [detail('value'), detail('limit')];
      const served = limit === null ? '' : ` Texts go to ${sayReason(limit).replaceAll(',', ', ')}.`;
      return isPassed
        ? `Its country is ${value ?? 'served'}.${served}`
        : `No: ${why ?? 'it is not valid'}.${served}`;
    }
    case 'opt_out': {
      if (isPassed) return 'It has not opted out.';
      const since = asMoment(detail('since'));
      const by = detail('by');
      return (
        <>
          It opted out
          {since === null ? null : (
            <>
              {' '}
              <LogMoment at={since} clock={clock} />
            </>
          )}
          {by === null ? null : `, ${sayMedium(by)}`}.
        </>
      );
    }
    case 'carrier':
      return isPassed ? 'It does, as far as is known.' : 'It said lately that the number cannot be texted.';
    case 'account':
      return isPassed ? 'There is.' : 'There is none any more.';
    case 'account_open':
      return isPassed ? 'It is.' : 'It was deactivated.';
    case 'consent': {
      const scope = detail('scope');
      return `${isPassed ? 'They agreed' : 'They have not agreed'}${scope === null ? '' : ` to ${scope.split(' or ').map(sayScope).join(' or ')}`}.`;
    }
    case 'holder':
      return isPassed ? 'It is theirs.' : 'The person has not proven that it is theirs.';
    case 'fresh_proof': {
      if (isPassed) return 'It is.';
      const on = detail('on');
      if (on !== null) {
        return `The carrier reported this number as taken out of service on ${sayCalendarDay(on)}. Updates wait until the person verifies it again.`;
      }
      return 'Texts did not reach anyone there on three days. Updates wait until the person verifies the number again.';
    }
    case 'wish':
      return isPassed ? 'They do.' : 'They turned it off.';
    case 'quiet_hours': {
      const [window, zones] = [detail('window'), detail('zones')];
      if (window === null) return isPassed ? 'The person has none.' : null;
      const where = zones === null ? '' : ` in ${zones.split(',').map(cityOf).join(', ')}`;
      return `${isPassed ? 'It is.' : 'It is not.'} Quiet hours are ${sayWindow(window)}${where}.`;
    }
    case 'number_limit': {
      const next = asMoment(detail('retryAt'));
      return (
        <>
          This code was counted when it was asked for. The limit is {detail('limit')}. {detail('remaining')}{' '}
          more may be sent now
          {next === null ? null : (
            <>
              , the next <LogMoment at={next} clock={clock} />
            </>
          )}
          .
        </>
      );
    }
    case 'body':
      return isPassed ? 'It can.' : null;
    case 'SMS_DAILY_BUDGET_USD':
    case 'SMS_DAILY_BUDGET_PER_USER_USD':
    case 'all_but_kept':
    case 'share_of_updates':
    case 'share_of_many':
    case 'strangers_share':
    case 'wide_network_share':
    case 'network_share':
    case 'prefix_share': {
      const [spent, limit, price] = (['spentMicros', 'limitMicros', 'priceMicros'] as const).map((name) =>
        sayMicros(detail(name)),
      );
      if (!spent || !limit || !price) return null;
      return `${spent} of ${limit} is spent, and this text costs about ${price}.`;
    }
    case 'sender':
      return isPassed ? 'It is.' : `It rests: ${why ?? 'nothing says why'}.`;
    case 'provider':
      return isPassed
        ? 'They did.'
        : `No${errorCode === null ? '' : `, error ${errorCode}`}: ${why ?? 'nothing says why'}.`;
  }
}

/** Why no code may be asked for, in the words of `SendRefusal`. */
function sayRequestRefusal(reason: string | null, limit: string | null): string {
  switch (reason) {
    case 'stopped':
      return 'The number opted out.';
    case 'undeliverable':
      return 'The carrier said lately that the number cannot be texted.';
    case 'number_locked':
      return `Too many wrong codes were entered for the number. The limit is ${limit ?? 'not known'}.`;
    case 'too_soon':
      return 'One was asked for a moment ago.';
    case 'send_limit':
      return `The number has been sent as many codes as it may get. The limit is ${limit ?? 'not known'}.`;
    case 'range_closed':
      return 'Codes to new numbers of this range are held back: see “Pumping”.';
    case 'crowded':
      return 'So many codes wait that it would come too late.';
    default:
      return reason === null ? 'No.' : `No: ${sayReason(reason)}.`;
  }
}

/** A row's details may hold anything by any name; a value is read as text. */
function readDetail({ details }: Gate): (name: string) => string | null {
  return (name) => {
    const value = details === null ? undefined : lookUp(details, name);
    return value === null || value === undefined ? null : String(value);
  };
}

/** `20:00-09:00` as clocks here show it; what is no such window stays as it is. */
function sayWindow(window: string): string {
  const times = /^(\d\d:\d\d)-(\d\d:\d\d)$/.exec(window);
  return times === null ? window : `${sayWallTime(times[1]!)} to ${sayWallTime(times[2]!)}`;
}

function asMoment(text: string | null): Date | null {
  if (text === null) return null;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at;
}

function sayMicros(micros: string | null): string | null {
  if (micros === null || !/^-?\d{1,15}$/.test(micros)) return null;
  return sayUsd((Number(micros) / 1_000_000).toFixed(6));
}
