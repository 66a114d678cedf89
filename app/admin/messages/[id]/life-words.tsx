import { lookUp } from '@/app/_format/look-up';
import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayTimes } from '@/app/_format/say-times';
import { TextLink } from '@/components/ui/TextLink';
import type { EventItem } from '@/components/ui/lists/EventList';
import type { LifeEvent, SeenMessage, TextMoment } from '@/lib/reporting/message-page';
import { sayAttempt, sayPrice, sayReason, sayStatus, sayWhy } from '../message-words';
import { messagesPath } from '../messages-query';

const moments: Record<TextMoment, string> = {
  received: 'A person sent it',
  written: 'Written down, to be sent',
  claimed: 'A dispatcher took it up',
  let_through: 'Every rule let it pass, and its price was reserved',
  called: 'The provider was called',
  faulted: 'The provider had a fault',
  unknown: 'It is not known whether the provider took it',
  sent: 'The provider took it',
  delivered: 'Delivered',
  failed: 'Failed',
  canceled: 'Canceled',
  settled: 'The provider said what it costs',
  asked_about: 'The provider was asked what became of it',
  erased: 'All that was about someone was erased from it',
  due: 'Due',
  check_due: 'The provider will be asked about it',
  worthless: 'After this it is worth nothing',
};

const challengeMoments = {
  opened: 'A code was made, open for ten minutes',
  consumed: 'The right code was entered',
  ended: 'The code stopped counting',
} as const;

const noticeMoments = {
  due: 'News of an application was due',
  decided: 'It was decided how the applicant hears of it',
} as const;

/** One line of a text's life. */
export function sayLife(
  event: LifeEvent,
  key: number,
  message: SeenMessage,
  clock: Required<Clock>,
): EventItem {
  const isAhead = event.at > clock.now;
  return {
    id: String(key),
    when: <LogMoment at={event.at} clock={clock} />,
    ...(isAhead ? { badge: { tone: 'neutral' as const, words: 'Planned' } } : {}),
    ...sayEventOf(event, message, clock),
  };
}

function sayEventOf(
  event: LifeEvent,
  message: SeenMessage,
  clock: Required<Clock>,
): Pick<EventItem, 'title' | 'badge' | 'details'> {
  switch (event.kind) {
    case 'text':
      return { title: moments[event.what], details: detailsOf(event.what, message) };
    case 'challenge': {
      const { what, endedBy } = event;
      return {
        title: challengeMoments[what],
        details: what === 'ended' && endedBy !== null ? [`Why: ${sayReason(endedBy)}`] : [],
      };
    }
    case 'attempt': {
      const { words, tone } = sayAttempt(event.event, event.reason);
      const often = sayTimes(event);
      const details = [
        ...(event.reason === null ? [] : [`Reason: ${sayReason(event.reason)}`]),
        ...(often && event.lastAt
          ? [
              <>
                {often}, last <LogMoment at={event.lastAt} clock={clock} />
              </>,
            ]
          : []),
      ];
      return { title: 'Verification', badge: { tone, words }, details };
    }
    case 'notice':
      return {
        title: noticeMoments[event.what],
        details: event.what === 'decided' ? [`By now: ${sayReason(event.state)}`] : [],
      };
    case 'answer':
      return { title: 'It joined an application as an answer' };
    case 'try': {
      const { id, isEarlier, status, reason } = event;
      const { words, tone } = sayStatus(status);
      return {
        title: (
          <TextLink href={`${messagesPath}/${id}`}>
            {isEarlier ? 'An earlier try of this text' : 'A later try of this text'}
          </TextLink>
        ),
        badge: { tone, words },
        details: reason === null ? [] : [sayReason(reason)],
      };
    }
  }
}

function detailsOf(what: TextMoment, message: SeenMessage): string[] {
  const { attempts, faults, providerStatus, sid, segments, direction } = message;
  const lines: Partial<Record<TextMoment, (string | null)[]>> = {
    called: [attempts === 1 ? 'Once so far' : `The last of ${attempts} calls`],
    claimed: [
      faults > 0 ? `${faults} ${faults === 1 ? 'fault' : 'faults'} of our own while it was handled` : null,
    ],
    sent: [
      sid && `SID ${sid}`,
      segments === null ? null : segments === 1 ? '1 segment' : `${segments} segments`,
    ],
    delivered: [providerStatus && `The provider says: ${sayReason(providerStatus)}`],
    failed: [sayWhy(message), providerStatus && `The provider says: ${sayReason(providerStatus)}`],
    canceled: [sayWhy(message)],
    due: [sayWhy(message)],
    settled: [sayPrice(message)],
    received: [direction === 'in' ? null : sid],
  };
  return (lookUp(lines, what) ?? []).filter((line) => line !== null);
}
