import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayReason } from '@/app/admin/messages/message-words';
import { sayUsd } from '@/app/_format/say-usd';
import { Written } from '@/components/ui/Written';
import type { NewsPreview, SeenEvent, SeenNotice } from '@/lib/reporting/application-page';
import { markOfText, sayNews, sayNoticeKind } from '../words';

/** What the applicant would hear of a move that is made now, and how. */
export function Preview({
  preview,
  undoSeconds,
  clock,
}: {
  preview: NewsPreview;
  undoSeconds: number;
  clock: Required<Clock>;
}) {
  switch (preview.by) {
    case 'nothing':
      return <p>Nothing is sent: there is no way to reach the applicant.</p>;
    case 'mail':
      return (
        <>
          <p>The applicant gets this email, {undoSeconds} seconds from now, when your undo time is over:</p>
          <Written quoted>
            {preview.subject}
            {'\n\n'}
            {preview.text}
          </Written>
        </>
      );
    case 'text': {
      const { body, segments, priceMicros, arrivesAt, isHeld } = preview;
      const price = sayUsd((priceMicros / 1_000_000).toFixed(6));
      return (
        <>
          <p>
            {isHeld ? (
              <>
                It is quiet time for the applicant, so this text arrives on{' '}
                <Moment at={arrivesAt} clock={clock} />:
              </>
            ) : (
              <>The applicant gets this text, {undoSeconds} seconds from now, when your undo time is over:</>
            )}
          </p>
          <Written quoted>{body}</Written>
          <p>
            {segments === 1 ? '1 segment' : `${segments} segments`}, about {price}
          </p>
        </>
      );
    }
  }
}

/** What became of the news of an event. */
export function sayNotice(
  notice: SeenNotice,
  { undoneAt }: Pick<SeenEvent, 'undoneAt'>,
  clock: Required<Clock>,
) {
  const { id, state, dueAt, textStatus, textReason, textWaitsUntil } = notice;
  const words = sayOutcome(notice, undoneAt !== null);
  const isDue = dueAt <= clock.now;
  return (
    <span
      key={id}
      data-notification-status={state}
      data-text-status={state === 'texted' ? (markOfText(textStatus) ?? undefined) : undefined}
    >
      {sayNoticeKind(notice)}: {words}
      {state === 'waiting' && !isDue ? (
        <>
          , due <Moment at={dueAt} clock={clock} />
        </>
      ) : null}
      {state === 'texted' && textWaitsUntil ? (
        <>
          {' '}
          until <Moment at={textWaitsUntil} clock={clock} />
        </>
      ) : null}
      {state === 'texted' && textReason ? ` (${sayReason(textReason)})` : null}
      {state === 'mailed' && textStatus !== null ? ', since the text did not arrive' : null}
      {state === 'unreached' && textStatus !== null ? ', since the text did not arrive' : null}
    </span>
  );
}

function sayOutcome({ state, textStatus }: SeenNotice, isUndone: boolean): string {
  if (isUndone) return 'Not sent, since it was undone';
  return sayNews(state, textStatus).words;
}
