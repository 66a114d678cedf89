import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayTimes } from '@/app/_format/say-times';
import { TextLink } from '@/components/ui/TextLink';
import type { EventItem } from '@/components/ui/lists/EventList';
import type { SeenText } from '@/lib/reporting/sms-texts';
import type { SeenAttempt } from '@/lib/reporting/verification-attempts';
import { sayAttempt, sayPrice, sayReason, sayStatus, sayTemplate, sayWhy } from './messages/message-words';
import { messagesPath } from './messages/messages-query';
import { PhoneLink } from './phones/phone-link';

/** A text as an item of a short list, which leads to its page; `withNumber` where the list has several numbers. */
export function describeSeenText(
  text: SeenText,
  { clock, withNumber }: { clock: Required<Clock>; withNumber: boolean },
): EventItem {
  const { words, tone } = sayStatus(text.status);
  const why = text.inboundBody === null ? sayWhy(text) : `“${text.inboundBody}”`;
  const price = sayPrice(text);
  const isIn = text.inboundBody !== null;
  return {
    id: text.id,
    title: <TextLink href={`${messagesPath}/${text.id}`}>{sayTemplate(text.template)}</TextLink>,
    when: <LogMoment at={text.createdAt} clock={clock} />,
    badge: { tone, words },
    details: [
      ...(withNumber
        ? [
            <>
              {isIn ? 'From' : 'To'} <PhoneLink of={text} none="a number that was erased" />
            </>,
          ]
        : []),
      ...(why === null ? [] : [why]),
      ...(price === null ? [] : [price]),
    ],
  };
}

/** An attempt to verify a number as an item of a short list. */
export function describeSeenAttempt(
  attempt: SeenAttempt,
  { clock, withNumber }: { clock: Required<Clock>; withNumber: boolean },
): EventItem {
  const { words, tone } = sayAttempt(attempt.event, attempt.reason);
  const often = sayTimes(attempt);
  return {
    id: attempt.id,
    title: words,
    when: <LogMoment at={attempt.at} clock={clock} />,
    ...(attempt.reason === null ? {} : { badge: { tone, words: sayReason(attempt.reason) } }),
    details: [
      ...(withNumber && attempt.maskedPhone !== null
        ? [
            <>
              At <PhoneLink of={attempt} />
            </>,
          ]
        : []),
      ...(often && attempt.lastAt !== null
        ? [
            <>
              {often}, last <LogMoment at={attempt.lastAt} clock={clock} />
            </>,
          ]
        : []),
    ],
  };
}
