import { lookUp } from '@/app/_format/look-up';
import { Moment } from '@/app/_format/moment';
import { Stack, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { TextLink } from '@/components/ui/TextLink';
import type { LedgerState } from '@/lib/alarms/ledger-checks';
import { explainDifference } from '@/lib/alarms/ledger-kinds';
import { dayOf } from '@/lib/reporting/rollups/report-days';
import { sayCount, sayReportDay } from '../report-words';

const partNames: Record<string, string> = {
  budget: 'the budget of the last 24 hours',
  numbers: 'the numbers that are blocked',
  opt_outs: 'the ledger of opt-outs',
  consents: 'the ledger of consent',
  wordings: 'the wordings of consents',
};

type ReportClock = { timeZone: string; now: Date };

/** A standing part in words, or the day that a part is about. */
function namePart(part: string, { timeZone, now }: ReportClock): string {
  const day = /^day (\d{4}-\d{2}-\d{2})$/.exec(part)?.[1];
  if (day !== undefined) return sayReportDay(day, dayOf(now, timeZone));
  return lookUp(partNames, part) ?? part;
}

/** What of the ledgers did not agree when they were checked last, each with what to do; and when that was. */
export function LedgerList({ ledgers, clock }: { ledgers: LedgerState; clock: ReportClock }) {
  const { parts, checkedAt } = ledgers;
  return (
    <Stack>
      {parts.length === 0 && checkedAt !== null ? <Text>Everything agrees.</Text> : null}
      {parts.flatMap(({ part, foundAt, differences }) =>
        differences.map(({ kind, count, examples }) => {
          const { name, whatToDo, examples: are } = explainDifference(kind);
          return (
            <div key={`${part} ${kind}`} data-difference={kind}>
              <Notice tone="danger" title={name}>
                <Stack gap="small">
                  <Text>
                    {sayCount(count)} {count === 1 ? 'time' : 'times'} in {namePart(part, clock)}.
                  </Text>
                  {whatToDo === '' ? null : <Text>{whatToDo}</Text>}
                  {examples.length === 0 ? null : (
                    <Text>
                      {are === 'texts'
                        ? 'Texts: '
                        : are === 'consents'
                          ? 'Rows of sms_consents: '
                          : 'Where: '}
                      {examples.map((example, index) => (
                        <span key={example}>
                          {index === 0 ? '' : ', '}
                          {are === 'texts' ? (
                            <TextLink href={`/admin/messages/${example}`}>{example.slice(0, 8)}</TextLink>
                          ) : (
                            example
                          )}
                        </span>
                      ))}
                      {count > examples.length ? ' and more' : ''}.
                    </Text>
                  )}
                  <Text quiet>
                    Found on <Moment at={foundAt} clock={clock} />.
                  </Text>
                </Stack>
              </Notice>
            </div>
          );
        }),
      )}
      <Text quiet>
        {checkedAt === null ? (
          'They were not all checked yet. A dispatcher does that each night.'
        ) : (
          <>
            Checked each night, last on <Moment at={checkedAt} clock={clock} />. To look again at once, run
            npm run check-ledgers.
          </>
        )}
      </Text>
    </Stack>
  );
}
