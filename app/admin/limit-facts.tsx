import type { ReactNode } from 'react';
import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { Heading, Stack } from '@/components/ui/Heading';
import { FactList } from '@/components/ui/lists/FactList';
import type { NumberLimit } from '@/lib/reporting/number-limits';
import type { OwnSpend } from '@/lib/sms/capacity/budget';
import { sayMicros } from './report-words';

const classes: Record<NumberLimit['sendClass'], string> = {
  prove: 'To someone who does not hold the number',
  prove_again: 'To its holder, to prove it again',
  sign_in: 'As a second factor',
  recover: 'To choose a new password',
};

/** How many more codes, and wrong codes, a number may get in each class: what strangers do never spends its holder's. */
export function NumberLimits({ limits, clock }: { limits: readonly NumberLimit[]; clock: Required<Clock> }) {
  return (
    <Stack gap="small">
      <Heading level={3}>Codes to this number</Heading>
      <FactList
        facts={limits.map(({ sendClass, sends, failures }) => ({
          term: classes[sendClass],
          detail: (
            <>
              {sayLeft(sends, clock, 'can be sent')}, {sayLeft(failures, clock, 'wrong ones can be entered')}
            </>
          ),
        }))}
      />
    </Stack>
  );
}

function sayLeft(
  { remaining, retryAt }: NumberLimit['sends'],
  clock: Required<Clock>,
  what: string,
): ReactNode {
  if (retryAt === null) return `${remaining} more ${what}`;
  return (
    <>
      no more {what} until <LogMoment at={retryAt} clock={clock} />
    </>
  );
}

const texts: Record<OwnSpend['counts'], string> = {
  updates_and_proofs: 'Updates, and codes that prove a number',
  sign_in: 'Codes as a second factor',
  recover: 'Codes to choose a new password',
  notices: 'Notices about the account',
};

/** What a person may spend by themselves: each kind of text has a cap of its own. */
export function SpendLimits({ spend }: { spend: readonly OwnSpend[] }) {
  return (
    <Stack gap="small">
      <Heading level={3}>Money for this person, in 24 hours</Heading>
      <FactList
        facts={spend.map(({ counts, spentMicros, limitMicros }) => {
          const left = limitMicros > spentMicros ? limitMicros - spentMicros : 0n;
          return {
            term: texts[counts],
            detail: `${sayMicros(Number(spentMicros))} of ${sayMicros(Number(limitMicros))} spent, ${sayMicros(Number(left))} left`,
          };
        })}
      />
    </Stack>
  );
}
