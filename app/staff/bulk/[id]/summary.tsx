import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayCount, sayMicros } from '@/app/admin/report-words';
import { FactList } from '@/components/ui/lists/FactList';
import { Notice } from '@/components/ui/Notice';
import type { BulkPage } from '@/lib/bulk/bulk-page';
import { chanceWords, sayOtherBulk, sayBulkReminders, sayBulkSending } from '../bulk-words';

/** What a bulk move would lead to: for how many people, by which way, for how much, what waits for the morning, and for how long. */
export function Summary({
  summary: { chances, budgetLeftMicros, budgetMicros, pace, others },
  forecast,
  clock,
}: {
  summary: NonNullable<BulkPage['summary']>;
  forecast: NonNullable<NonNullable<BulkPage['summary']>['forecast']>;
  clock: Required<Clock>;
}) {
  const { people, texts, mails, unreached, unseen, segments, priceMicros, held, heldFrom, heldUntil } =
    forecast;
  const { reminders, reminderMicros } = forecast;
  const sending = sayBulkSending({ texts, pace, left: others.left });
  const when = (moment: string) => <Moment at={new Date(moment)} clock={clock} />;
  return (
    <>
      <FactList
        facts={[
          { term: 'Would be moved', detail: sayCount(chances.allowed) },
          ...(['changed', 'notAllowed', 'gone'] as const)
            .filter((why) => chances[why] > 0)
            .map((why) => ({ term: chanceWords[why], detail: sayCount(chances[why]) })),
          ...(forecast.tooOften > 0
            ? [
                {
                  term: 'Moved too often lately',
                  detail: `${sayCount(forecast.tooOften)} of these. Other bulk moves have moved them, and this one leaves them alone.`,
                },
              ]
            : []),
          { term: 'People', detail: sayCount(people) },
          { term: 'Told by text', detail: sayCount(texts) },
          { term: 'Told by email', detail: sayCount(mails) },
          { term: 'No way to tell them', detail: sayCount(unreached) },
          ...(unseen > 0
            ? [
                {
                  term: 'Could not be looked at',
                  detail: `${sayCount(unseen)}. They are moved and told all the same.`,
                },
              ]
            : []),
          { term: 'Segments', detail: sayCount(segments) },
          {
            term: 'Cost of the texts, about',
            detail: `${sayMicros(priceMicros)}. Of ${sayMicros(budgetMicros)} for bulk moves in 24 hours, ${sayMicros(budgetLeftMicros)} are left.`,
          },
          {
            term: 'Held by quiet hours',
            detail:
              heldFrom === null || heldUntil === null ? (
                'None, if they went out now'
              ) : heldFrom === heldUntil ? (
                <>
                  {sayCount(held)}, until {when(heldUntil)}
                </>
              ) : (
                <>
                  {sayCount(held)}, the first until {when(heldFrom)}, the last until {when(heldUntil)}
                </>
              ),
          },
          ...(sending === null ? [] : [{ term: 'Sending the texts takes', detail: sending }]),
          ...(others.moves + others.left === 0
            ? []
            : [{ term: 'Other bulk moves', detail: sayOtherBulk(others) }]),
          ...(reminders === 0
            ? []
            : [
                {
                  term: 'Reminders after that',
                  detail: sayBulkReminders({ reminders, cost: sayMicros(reminderMicros) }),
                },
              ]),
        ]}
      />
      {priceMicros > budgetLeftMicros ? (
        <Notice tone="warning" title="This costs more than is left">
          <p>
            The texts that do not fit wait until the budget has room for them. Everyone is still told once.
          </p>
        </Notice>
      ) : null}
    </>
  );
}
