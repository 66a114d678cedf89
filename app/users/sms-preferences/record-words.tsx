import type { ReactNode } from 'react';
import { Moment } from '@/app/moment';
import type { Clock } from '@/app/say-moment';
import { Badge } from '@/components/Badge';
import type { EventItem } from '@/components/EventList';
import type { Receipt } from '@/lib/consent/receipts';
import type { SentText } from '@/lib/sms/history';
import { formatPhone, maskPhone } from '@/lib/sms/phone';

const templateWords: Record<string, string | undefined> = {
  verification: 'Verification code',
  optInConfirmation: 'Welcome to SMS updates',
  phoneChanged: 'Your number was changed',
  applicationStatus: 'Application status',
  securityNotice: 'Security',
  test: 'Test text',
  stopConfirmation: 'Answer to STOP',
  startConfirmation: 'Answer to START',
  help: 'Answer to HELP',
};

const cannotReceive = 'The carrier says this number cannot receive texts.';
const providerFault = 'The service that sends our texts could not send it.';

/** Why a text failed, waits or was withdrawn, by the reason that the outbox keeps. */
const reasonWords: Record<string, string | undefined> = {
  stopped: 'The number had texted STOP.',
  opted_out: 'The carrier says the number had texted STOP.',
  turned_off: 'You had turned these texts off.',
  no_consent: 'There was no agreement to such texts.',
  not_verified: 'The number was not verified.',
  no_account: 'The account was gone.',
  undeliverable: cannotReceive,
  undeliverable_number: cannotReceive,
  invalid_number: cannotReceive,
  not_valid: 'This is no number that can be texted.',
  country_not_served: 'We do not text numbers of this country.',
  premium: 'We do not text premium-rate numbers.',
  toll_free: 'We do not text toll-free numbers.',
  region_not_enabled: 'We cannot text numbers of this region.',
  handset_unreachable: 'The phone could not be reached: it was off or without a signal.',
  filtered: 'The carrier did not let it through.',
  expired: 'It would have come too late to be of use.',
  challenge_closed: 'Its code was not needed any more.',
  challenge_over: 'Its code was not needed any more.',
  delivered: 'An earlier try had arrived after all.',
  budget: 'The limit of texts a day was reached.',
  daily_cap: 'The carrier’s limit of texts a day was reached.',
  quiet_hours: 'It came up in quiet hours.',
  number_changed: 'The number was changed or removed.',
  number_moved: 'Somebody else proved that they have this number.',
  account_replaced: 'The account was registered anew.',
  skipped: 'You went on without verifying.',
};

/** One text as an item of the record: what, when, delivered or why not. */
export function describeText(text: SentText, clock: Clock): EventItem {
  return {
    id: text.id,
    title: templateWords[text.template] ?? 'Text',
    when: <Moment at={text.createdAt} clock={clock} />,
    badge: badgeOf(text),
    details: [
      `“${text.body}”`,
      <>
        To {maskPhone(text.phone)}. {sayOutcome(text, clock)}
      </>,
    ],
  };
}

/** What has become of the last test text, beside the button that sends the next. */
export function describeTestText(text: SentText, clock: Clock): ReactNode {
  const { tone, words } = badgeOf(text);
  return (
    <>
      Last test text: <Badge tone={tone}>{words}</Badge> {sayOutcome(text, clock)}
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
  const why = text.reason === null ? null : (reasonWords[text.reason] ?? providerFault);
  switch (text.status) {
    case 'queued':
      if (why === null) return 'On its way.';
      return (
        <>
          {why} We will try again <Moment at={text.sendAfter} clock={clock} />.
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
  code_page: 'on the page where the code is entered',
  preferences: 'in your SMS preferences',
  sms_stop: 'by a text of yours',
  sms_start: 'by texting START',
  carrier_stop: 'by STOP, as your carrier told us',
  number_moved: 'because somebody else proved that they have the number',
  number_protected: 'because the number protects another account',
  number_removed: 'because the number was taken off your account',
  account_replaced: 'because the account was registered anew',
  account_deleted: 'because the account was deleted',
};

const scopeWords: Record<Receipt['scope'], string> = {
  verification: 'verification codes',
  updates: 'SMS updates',
};

/** One act of the ledger as an item of the record, with its exact wording. */
export function describeReceipt(receipt: Receipt, clock: Clock): EventItem {
  const acts = {
    granted: { verb: 'You agreed to', tone: 'success', words: 'Given' },
    withdrawn: { verb: 'Ended: your agreement to', tone: 'neutral', words: 'Withdrawn' },
    resumed: { verb: 'Stands again: your agreement to', tone: 'success', words: 'Resumed' },
  } as const;
  const act = acts[receipt.action];
  return {
    id: `consent-${receipt.id}`,
    title: `${act.verb} ${scopeWords[receipt.scope]}`,
    when: <Moment at={receipt.at} clock={clock} />,
    badge: { tone: act.tone, words: act.words },
    details: [
      `For ${formatPhone(receipt.phone)}, ${mediumWords[receipt.medium]}. Sender: ${receipt.sender}.`,
      ...(receipt.wording ? [`Text ${receipt.wordingVersion}: “${receipt.wording}”`] : []),
    ],
  };
}
