import type { ReactNode } from 'react';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { Badge } from '@/components/ui/Badge';
import { Stack } from '@/components/ui/Heading';
import type { AccountLocks } from '@/lib/auth/admin/read-locks';

/** Whether tries that are spent keep the owner out just now: by what, and until when. */
export function sayLocks({ passwords, codes }: AccountLocks, clock: Clock): ReactNode {
  const until = (at: Date) => (
    <>
      until <Moment at={at} clock={clock} />
    </>
  );
  const lines = [
    passwords.everywhere === null ? null : (
      <span key="everywhere">
        Too many wrong passwords: no browser that the account does not know can sign in,{' '}
        {until(passwords.everywhere)}.
      </span>
    ),
    ...passwords.ofAddresses.map(({ address, until: at }) => (
      <span key={address}>
        Too many wrong passwords from {address}: new browsers there cannot sign in, {until(at)}.
      </span>
    )),
    codes?.reason === 'paused' ? (
      <span key="codes">
        Too many wrong codes: no code of the second factor is taken, {until(codes.retryAt)}.
      </span>
    ) : codes?.reason === 'shut' ? (
      <span key="codes">
        A hundred wrong codes in a row: no code of the second factor is taken until you unlock it, or they
        choose a new password by a link.
      </span>
    ) : null,
  ].filter((line) => line !== null);
  if (lines.length === 0) return <Badge tone="neutral">No</Badge>;
  return (
    <Stack gap="small">
      <span>
        <Badge tone="warning">Yes</Badge> “Unlock” lets them try again at once.
      </span>
      {lines}
    </Stack>
  );
}
