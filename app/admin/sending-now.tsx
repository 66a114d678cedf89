import { FigureGrid } from '@/components/ui/lists/FigureGrid';
import { Notice } from '@/components/ui/Notice';
import { sayDuration } from '@/components/ui/time/say-duration';
import type { SendingNow } from '@/lib/reporting/sender-health';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayCount, sayMicros, sayShare } from './report-words';
import { sayReason } from './messages/message-words';
import type { HealthRow } from './sender/health-rows';

/** How sending is at this moment, in a row of figures, judged as the page about the sender judges it (`rows`). `isStopTold`: an alarm says already that nothing is being sent. */
export function SendingNowFigures({
  sending,
  rows,
  isStopTold,
  clock,
}: {
  sending: SendingNow;
  rows: readonly HealthRow[];
  isStopTold: boolean;
  clock: Required<Clock>;
}) {
  const { spentMicros, budgetMicros, oldestDueAt, failedInLastHour, lastReceiptAt, stopped } = sending;
  const { now } = clock;
  const used = budgetMicros === 0 ? 1 : spentMicros / budgetMicros;
  const dueSeconds = oldestDueAt === null ? null : (now.getTime() - oldestDueAt.getTime()) / 1000;
  const toneOf = (id: string) => {
    const words = rows.find((row) => row.id === id)?.state.words;
    return words === 'Bad' ? 'danger' : words === 'Look' ? 'warning' : 'plain';
  };
  return (
    <>
      {stopped === null || isStopTold ? null : (
        <Notice tone="danger" title="Nothing is being sent">
          The provider refuses us{stopped.reason === null ? '' : ` (${sayReason(stopped.reason)})`}. Texts
          wait, and are tried again{' '}
          {stopped.until === null ? 'when the next is due' : <Moment at={stopped.until} clock={clock} />}. The
          runbook in docs/operations.md says what to do.
        </Notice>
      )}
      <FigureGrid
        label="Now"
        figures={[
          {
            id: 'budget',
            name: 'Budget used, last 24 hours',
            value: sayShare(used),
            context: `${sayMicros(spentMicros)} of ${sayMicros(budgetMicros)}`,
            tone: toneOf('budget'),
          },
          {
            id: 'oldest-due',
            name: 'Oldest text that is due',
            value: dueSeconds === null ? 'None' : sayDuration(Math.max(1, dueSeconds)),
            tone: toneOf('queue'),
          },
          { id: 'failed', name: 'Failed, last hour', value: sayCount(failedInLastHour) },
          {
            id: 'receipt',
            name: 'Last delivery reported',
            value:
              lastReceiptAt === null
                ? 'None'
                : sayDuration(Math.max(1, (now.getTime() - lastReceiptAt.getTime()) / 1000)),
            context:
              lastReceiptAt === null ? (
                'in two days'
              ) : (
                <>
                  ago, <Moment at={lastReceiptAt} clock={clock} />
                </>
              ),
          },
          {
            id: 'webhooks',
            name: 'Webhook calls refused, last hour',
            value: sayCount(sending.webhooksRefusedInLastHour),
          },
        ]}
      />
    </>
  );
}
