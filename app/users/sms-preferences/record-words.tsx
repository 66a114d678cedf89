import type { ReactNode } from 'react';
import { lookUp } from '@/app/_format/look-up';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import type { EventItem } from '@/components/ui/lists/EventList';
import type { Tone } from '@/components/ui/Notice';
import { TextLink } from '@/components/ui/TextLink';
import type { Receipt } from '@/lib/consent/receipts';
import type { SentText } from '@/lib/sms/outbox/history';
import { formatPhone } from '@/lib/phone/parse';

const templateWords: Readonly<Record<string, string>> = {
  verification: 'Verification code',
  optInConfirmation: 'Welcome to text updates',
  phoneChanged: 'Your number was changed',
  applicationStatus: 'Application status',
  documentsNeeded: 'Something is needed for your application',
  documentsReminder: 'Reminder of what is needed',
  answerTaken: 'Answer to your text',
  answerUnclear: 'Question which application you mean',
  securityNotice: 'Security alert',
  resetFactors: 'Link to replace your second factor',
  test: 'Test text',
  stopConfirmation: 'Answer to STOP',
  stopUpdatesConfirmation: 'Answer to STOP to updates',
  startConfirmation: 'Answer to START',
  help: 'Answer to HELP',
};

const cannotReceive = 'The carrier says this number cannot receive texts.';
const tooLate = 'It would have arrived too late to be useful.';
const providerFault = 'The service that sends our texts could not send it.';

/** Why a text failed, waits or was withdrawn, by the reason that the outbox keeps. */
const reasonWords: Readonly<Record<string, string>> = {
  stopped: 'The number had replied STOP.',
  opted_out: 'The carrier says the number had replied STOP.',
  turned_off: 'You had turned these texts off.',
  no_consent: 'You had not agreed to these texts.',
  not_verified: 'The number was not verified.',
  out_of_service: 'The carrier had reported this number as taken out of service.',
  dead_number: 'Texts had not reached anyone at this number on three days.',
  no_account: 'The account no longer existed.',
  undeliverable: cannotReceive,
  undeliverable_number: cannotReceive,
  invalid_number: cannotReceive,
  not_valid: 'We cannot text this number.',
  country_not_served: 'We do not text numbers in this country.',
  premium: 'We do not text premium-rate numbers.',
  toll_free: 'We do not text toll-free numbers.',
  landline: 'It is the number of a landline, which cannot receive texts.',
  not_mobile: 'We do not text this kind of number.',
  region_not_enabled: 'We cannot text numbers in this region.',
  handset_unreachable: 'The phone could not be reached. It was off or had no signal.',
  filtered: 'The carrier blocked it.',
  blocked_by_carrier: 'The carrier or the phone blocks our texts.',
  blocked_as_fraud: 'The service that sends our texts guards against fraud and blocked it.',
  expired: tooLate,
  validity_over: tooLate,
  challenge_closed: 'Its code was no longer needed.',
  challenge_over: 'Its code was no longer needed.',
  delivered: 'An earlier attempt had arrived after all.',
  budget: 'The daily limit for texts was reached.',
  internal_error: 'Something went wrong on our side.',
  daily_cap: 'The carrier’s daily limit for texts was reached.',
  quiet_hours: 'Held for quiet hours.',
  number_changed: 'The number was changed or removed.',
  number_moved: 'Someone else verified this number.',
  account_replaced: 'The account was created again.',
  account_claimed: 'The account was closed.',
  account_disowned: 'The account was closed.',
  account_deactivated: 'The account was closed.',
  account_expired: 'The registration was never finished.',
  skipped: 'You continued without verifying.',
};

/** One text as an item of the record: what, when, delivered or why not. */
export function describeText(text: SentText, clock: Clock): EventItem {
  return {
    id: text.id,
    title: lookUp(templateWords, text.template) ?? 'Text',
    when: <Moment at={text.createdAt} clock={clock} />,
    badge: badgeOf(text),
    details: [
      `“${text.body}”`,
      <>
        To {formatPhone(text.phone)}. {sayOutcome(text, clock)}
      </>,
    ],
  };
}

/**
 * What has become of the last test text, beside the button that sends the next. `heldUntil` is when quiet hours would
 * let a text sent now go, for one that the dispatcher has not decided about yet.
 */
export function describeTestText(
  text: SentText,
  { clock, now, heldUntil }: { clock: Clock; now: Date; heldUntil: Date },
): ReactNode {
  const isUnseen = text.status === 'sending' || (text.status === 'queued' && text.reason === null);
  if (isUnseen && heldUntil > now) {
    const held = { ...text, status: 'queued' as const, reason: 'quiet_hours', sendAfter: heldUntil };
    return <>Last test text: {sayOutcome(held, clock)}</>;
  }
  if (isUnseen) {
    return 'Last test text: On its way. Reload this page to see whether it arrived.';
  }
  const isOver = text.status === 'failed' || text.status === 'canceled';
  return (
    <>
      Last test text: {isOver ? `${badgeOf(text).words}. ` : null}
      {sayOutcome(text, clock)}
    </>
  );
}

function badgeOf({ status }: SentText): NonNullable<EventItem['badge']> {
  switch (status) {
    case 'queued':
    case 'sending':
      return { tone: 'neutral', words: 'Waiting' };
    case 'sent':
      return { tone: 'info', words: 'Sent' };
    case 'delivered':
      return { tone: 'success', words: 'Delivered' };
    case 'failed':
      return { tone: 'danger', words: 'Not delivered' };
    default:
      return { tone: 'neutral', words: 'Withdrawn' };
  }
}

function sayOutcome(text: SentText, clock: Clock): ReactNode {
  const why = text.reason === null ? null : (lookUp(reasonWords, text.reason) ?? providerFault);
  switch (text.status) {
    case 'queued':
      if (why === null) return 'On its way.';
      return (
        <>
          {why} {text.reason === 'quiet_hours' ? 'Goes out' : 'We will try again'}{' '}
          <Moment at={text.sendAfter} clock={clock} />.
        </>
      );
    case 'sending':
      return 'On its way.';
    case 'sent':
      return (
        <>
          Sent
          {text.sentAt ? (
            <>
              {' '}
              <Moment at={text.sentAt} clock={clock} />
            </>
          ) : null}
          . Delivery not confirmed yet.
        </>
      );
    case 'delivered':
      return (
        <>
          Delivered
          {text.deliveredAt ? (
            <>
              {' '}
              <Moment at={text.deliveredAt} clock={clock} />
            </>
          ) : null}
          .
        </>
      );
    case 'failed':
      return why ?? 'It could not be delivered.';
    default:
      return why ?? 'Withdrawn before it was sent.';
  }
}

const mediumWords: Record<Receipt['medium'], string> = {
  registration: 'on the registration form',
  code_page: 'on the code page',
  preferences: 'in your text preferences',
  second_factor: 'when you asked for a code to sign in',
  sms_stop: 'by text',
  sms_start: 'by texting START',
  carrier_stop: 'by STOP, as your carrier told us',
  recorded_stop: 'because you told us, by phone, letter or in another way',
  number_moved: 'because someone else verified the number',
  number_protected: 'because the number protects another account',
  number_removed: 'because the number was removed from your account',
  account_replaced: 'because the account was created again',
  account_claimed: 'because the owner of the email created a new account',
  account_disowned: 'because the owner of the email did not make the account',
  account_expired: 'because the registration was never finished',
  account_deleted: 'because the account was deleted',
};

const scopeWords: Record<Receipt['scope'], string> = {
  verification: 'verification codes',
  updates: 'text updates',
};

type ActWords = { title: (scope: string) => string; tone: Tone; words: string };

const actWords: Record<Receipt['action'], ActWords> = {
  granted: { title: (scope) => `You agreed to ${scope}`, tone: 'success', words: 'Given' },
  withdrawn: { title: (scope) => `Your agreement to ${scope} ended`, tone: 'neutral', words: 'Ended' },
  resumed: { title: (scope) => `Your agreement to ${scope} resumed`, tone: 'success', words: 'Resumed' },
};

const otherAct: ActWords = {
  title: (scope) => `Your agreement to ${scope} changed`,
  tone: 'neutral',
  words: 'Changed',
};

/** A wording that acts of the ledger were agreed to in: shown once, under its `id`, however many acts refer to it. */
export type ShownWording = { id: string; title: string; wording: string };

/** The wordings of these acts, each once, in the order of the acts. One version has another text for each sender. */
export function listWordings(receipts: readonly Receipt[]): ShownWording[] {
  const found = new Map<string, ShownWording>();
  for (const { wording, wordingVersion } of receipts) {
    if (wording === null || found.has(wording)) continue;
    const nth = found.size + 1;
    const title = wordingVersion === null ? `Wording ${nth}` : `Wording ${wordingVersion}`;
    found.set(wording, { id: `wording-${nth}`, title, wording });
  }
  return [...found.values()];
}

/** One act of the ledger as an item of the record; `wordings` are those that the page shows, for the one that it was in. */
export function describeReceipt(
  receipt: Receipt,
  clock: Clock,
  wordings: readonly ShownWording[] = [],
): EventItem {
  const words = wordings.find(({ wording }) => wording === receipt.wording);
  const act = lookUp(actWords, receipt.action) ?? otherAct;
  const how = [formatPhone(receipt.phone), lookUp(mediumWords, receipt.medium)].filter(Boolean).join(', ');
  return {
    id: `consent-${receipt.id}`,
    title: act.title(lookUp(scopeWords, receipt.scope) ?? 'texts'),
    when: <Moment at={receipt.at} clock={clock} />,
    badge: { tone: act.tone, words: act.words },
    details: [
      `For ${how}. Sender: ${saySender(receipt)}.`,
      ...(receipt.page === null || receipt.action !== 'granted' ? [] : [`On the page ${receipt.page}.`]),
      ...(words
        ? [
            <>
              In these words: <TextLink href={`#${words.id}`}>{words.title}</TextLink>.
            </>,
          ]
        : []),
    ],
  };
}

/**
 * The name that texts speak in, the legal person behind it where that is another, and the number they were to come from; the
 * id of a service would tell nobody anything.
 */
function saySender({ sender, legalSender, sentFrom }: Receipt): string {
  const legal = legalSender === null || legalSender === sender ? sender : `${sender} (${legalSender})`;
  return sentFrom?.startsWith('+') ? `${legal}, from ${formatPhone(sentFrom)}` : legal;
}
