import type { ReactNode } from 'react';
import { lookUp } from '@/app/_format/look-up';
import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { nameDevice } from '@/app/users/security/device-words';
import { Disclosure } from '@/components/ui/Disclosure';
import { Text } from '@/components/ui/Heading';
import { TextLink } from '@/components/ui/TextLink';
import type { EventItem } from '@/components/ui/lists/EventList';
import type { Tone } from '@/components/ui/Notice';
import type { Receipt } from '@/lib/consent/receipts';
import type { PhonePage } from '@/lib/reporting/phone-page';
import type { OfNumber, SeenOptOut } from '@/lib/reporting/seen-number';
import { sayReason } from './messages/message-words';
import { PhoneLink } from './phones/phone-link';

const mediumWords: Record<Receipt['medium'], string> = {
  registration: 'on the registration form',
  code_page: 'on the code page',
  preferences: 'in their text preferences',
  second_factor: 'when they asked for a code to sign in',
  sms_stop: 'by texting STOP',
  sms_start: 'by texting START',
  carrier_stop: 'by STOP, as the carrier says',
  recorded_stop: 'as one of your people was told',
  number_moved: 'because someone else verified the number',
  number_protected: 'because the number protects another account',
  number_removed: 'because the number left the account',
  account_replaced: 'because the account was created again',
  account_claimed: 'because the owner of the email created a new account',
  account_disowned: 'because the owner of the email did not make the account',
  account_expired: 'because the registration was never finished',
  account_deleted: 'because the account was deleted',
};

const scopeWords: Record<Receipt['scope'], string> = { verification: 'codes', updates: 'updates' };

const acts: Record<Receipt['action'], { before: string; tone: Tone; words: string }> = {
  granted: { before: 'Agreed to', tone: 'success', words: 'Given' },
  withdrawn: { before: 'Withdrew consent to', tone: 'warning', words: 'Ended' },
  resumed: { before: 'Resumed consent to', tone: 'success', words: 'Resumed' },
};

/** What was said about a scope, with its badge; what we do not know is said as it is. */
function sayAct({ action, scope }: Pick<Receipt, 'action' | 'scope'>): Pick<EventItem, 'title' | 'badge'> {
  const act = lookUp(acts, action) ?? {
    ...{ before: `${sayReason(action)}:`, tone: 'neutral' as const, words: 'Changed' },
  };
  const badge = { tone: act.tone, words: act.words };
  return { title: `${act.before} ${sayScope(scope)}`, badge };
}

/** How a person said it, behind a comma: `by texting STOP`; a way that we do not know is said as it is. */
export function sayMedium(medium: string): string {
  return lookUp(mediumWords, medium) ?? sayReason(medium);
}

/** What was agreed to: `codes` or `updates`; what we do not know is said as it is. */
export function sayScope(scope: string): string {
  return lookUp(scopeWords, scope) ?? sayReason(scope);
}

/** An act of the ledger with all that proves it: number, way, page, wording, sender, address and browser. */
export function describeProof(receipt: OfNumber<Receipt>, clock: Required<Clock>): EventItem {
  const { id, at, medium, page, sender, legalSender, sentFrom, wording, wordingVersion } = receipt;
  const { address, userAgent } = receipt;
  const legal = legalSender === null || legalSender === sender ? sender : `${sender} (${legalSender})`;
  const from = [address, userAgent && nameDevice(userAgent)].filter(Boolean).join(', ');
  return {
    id: `consent-${id}`,
    ...sayAct(receipt),
    when: <LogMoment at={at} clock={clock} />,
    details: [
      <>
        For <PhoneLink of={receipt} />, {sayMedium(medium)}
        {page === null ? null : ` (${page})`}
      </>,
      `Receipt ${id}. Sender: ${legal}${sentFrom === null ? '' : `, from ${sentFrom}`}`,
      ...(from === '' ? [] : [`From ${from}`]),
    ],
    ...(wording === null
      ? {}
      : {
          action: (
            <Disclosure summary={`Wording ${wordingVersion ?? ''}`}>
              <Text quiet>{wording}</Text>
            </Disclosure>
          ),
        }),
  };
}

/** The last that an account said about a scope at a number. */
export function describeLastWord(word: PhonePage['consents'][number], clock: Required<Clock>): EventItem {
  const { userId, scope, name, at, medium } = word;
  return {
    id: `${userId} ${scope}`,
    ...sayAct(word),
    when: <LogMoment at={at} clock={clock} />,
    details: [
      <>
        {name === null ? (
          'Someone whose account is gone'
        ) : (
          <TextLink href={`/admin/users/${userId}/texts#consents`}>{name}</TextLink>
        )}
        , {sayMedium(medium)}
      </>,
    ],
  };
}

const channels: Record<SeenOptOut['channel'], string> = {
  text: 'By text',
  carrier: 'As the carrier says',
  web: 'On a page',
  phone: 'By phone',
  letter: 'By letter',
  other: 'In another way',
};

/** Texts by the scopes that they need: `all texts`, `codes` or `updates`. */
function sayWhat(scopes: SeenOptOut['covers']): string {
  return scopes.length > 1 ? 'all texts' : sayScope(scopes[0] ?? 'updates');
}

/**
 * What an opt-out ended. One that blocks the sender of updates alone may end consent to codes all the same: they still come to who
 * agrees to them again.
 */
function sayOptedOut({ covers, senders }: Pick<SeenOptOut, 'covers' | 'senders'>): string {
  const blocksUpdatesAlone = senders !== null && senders.includes('updates') && !senders.includes('codes');
  return blocksUpdatesAlone && covers.includes('verification')
    ? 'Opted out of updates, and ended agreement to codes'
    : `Opted out of ${sayWhat(covers)}`;
}

/** An entry of the ledger of opt-outs of a number. */
export function describeOptOut(optOut: SeenOptOut, clock: Required<Clock>): EventItem {
  const { id, at, recordedAt, act, channel, saidTo, sender, words } = optOut;
  const isOut = act === 'opted_out';
  const details: ReactNode[] = [
    <>
      {lookUp(channels, channel) ?? sayReason(channel)}
      {sender === null ? null : ` to ${sender}`}
      {saidTo === 'codes' ? ', the sender of codes' : null}
    </>,
  ];
  if (words !== null) details.push(`“${words}”`);
  if (recordedAt !== null) {
    details.push(
      <>
        Recorded <LogMoment at={recordedAt} clock={clock} />
      </>,
    );
  }
  return {
    id: `opt-out-${id}`,
    title: isOut ? sayOptedOut(optOut) : `Allowed ${sayWhat(optOut.covers)} again`,
    when: <LogMoment at={at} clock={clock} />,
    badge: isOut ? { tone: 'warning', words: 'Stop' } : { tone: 'success', words: 'Allowed' },
    details,
  };
}
