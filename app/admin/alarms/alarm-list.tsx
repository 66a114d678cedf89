import type { Clock } from '@/app/_format/say-moment';
import { Moment } from '@/app/_format/moment';
import { lookUp } from '@/app/_format/look-up';
import { ActionForm } from '@/components/forms/ActionForm';
import { Stack, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import type { OpenAlarms, SeenAlarm } from '@/lib/reporting/alarms-page';
import { acknowledgeAction, type AlarmsPath } from './actions';

/** What became of acknowledging one, as the address says. */
export const alarmSavedWords: ReadonlyMap<string, string> = new Map([
  ['acknowledged', 'You see to it now. The other admins see that you do.'],
  ['settled', 'Nothing was changed: someone sees to it already, or it has ended.'],
]);

/** The alarms that are open, each with since when, what to do, and who sees to it; nothing where none is. `page`: where its button leads back to. */
export function AlarmList({
  open,
  clock,
  page,
}: {
  open: OpenAlarms;
  clock: Required<Clock>;
  page: AlarmsPath;
}) {
  const { alarms, checkedAt, isUnchecked } = open;
  if (alarms.length === 0 && !isUnchecked) return null;
  return (
    <Stack>
      {isUnchecked ? (
        <Notice tone="warning" title="Nobody checks whether something is wrong">
          <Text>
            {checkedAt === null ? (
              'No check was made yet.'
            ) : (
              <>
                The last check was made on <Moment at={checkedAt} clock={clock} />.
              </>
            )}{' '}
            The dispatcher checks once a minute. See that it runs.
          </Text>
        </Notice>
      ) : null}
      {alarms.map((alarm) => (
        <OpenAlarm key={alarm.id} alarm={alarm} clock={clock} page={page} />
      ))}
    </Stack>
  );
}

function OpenAlarm({ alarm, clock, page }: { alarm: SeenAlarm; clock: Required<Clock>; page: AlarmsPath }) {
  const { id, kind, subject, name, said, whatToDo, since, acknowledged } = alarm;
  return (
    <div data-alarm={kind}>
      <Notice
        tone={acknowledged === null ? 'danger' : 'warning'}
        title={<span id={`alarm-${id}`}>{subject === null ? name : `${name} (${subject})`}</span>}
      >
        <Stack gap="small">
          {said === '' ? null : <Text>{said}</Text>}
          {whatToDo === '' ? null : <Text>{whatToDo}</Text>}
          <Text quiet>
            {since === null ? null : (
              <>
                Since <Moment at={since} clock={clock} />.{' '}
              </>
            )}
            {sayTold(alarm)}
          </Text>
          {acknowledged === null ? (
            <ActionForm
              action={acknowledgeAction}
              label="Acknowledge"
              describedBy={`alarm-${id}`}
              fields={{ alarm: id, page }}
              note="Shows the other admins that you see to it."
            />
          ) : (
            <Text quiet>
              {acknowledged.by ?? 'Someone whose account is gone'} sees to it, since{' '}
              <Moment at={acknowledged.at} clock={clock} />.
            </Text>
          )}
        </Stack>
      </Notice>
    </div>
  );
}

const causes: Record<string, string> = {
  timeout: 'it did not answer in time',
  no_connection: 'there was no connection',
  redirect: 'it answered with a redirect, which is not followed',
};

/** Whether ALERT_WEBHOOK_URL knows of it; empty where it is not to be told. */
export function sayTold({ told }: Pick<SeenAlarm, 'told'>): string {
  switch (told?.is) {
    case undefined:
      return '';
    case 'told':
      return 'ALERT_WEBHOOK_URL was told.';
    case 'given_up':
      return 'ALERT_WEBHOOK_URL did not take it for a day.';
    case 'waiting': {
      if (told.cause === null) return 'ALERT_WEBHOOK_URL is being told.';
      const why = lookUp(causes, told.cause) ?? `it answered ${told.cause.replace('http_', '')}`;
      return `ALERT_WEBHOOK_URL did not take it so far: ${why}.`;
    }
  }
}
