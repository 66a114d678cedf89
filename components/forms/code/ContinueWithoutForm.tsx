'use client';

import { Button } from '@/components/ui/Button';
import { TimeLeft, useTimeLeft, type FutureMoment } from '@/components/ui/time/TimeLeft';
import type { FormAction } from '@/components/forms/form-state';
import { Form } from '@/components/forms/Form';
import { FormAlert } from '@/components/forms/FormAlert';
import styles from '@/components/forms/SideForm.module.css';
import { useFormAction } from '@/components/forms/use-form-action';

/**
 * "Continue without verifying". `availableAt` is the moment it is offered, null for now: until then only
 * that moment is said, and the button appears when it comes. `isMain`: there is nothing else to do.
 */
export function ContinueWithoutForm({
  action,
  availableAt,
  serverNow,
  isDelivered = false,
  isMain = false,
}: {
  action: FormAction<never>;
  availableAt: FutureMoment | null;
  serverNow: string;
  isDelivered?: boolean;
  isMain?: boolean;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const leftMs = useTimeLeft(availableAt?.at ?? null, serverNow);
  const waits = availableAt !== null && (leftMs === null ? availableAt.at > serverNow : leftMs > 0);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      {availableAt !== null && waits ? (
        <p className={styles.note}>
          {isDelivered ? 'Cannot enter the code?' : 'No text?'}{' '}
          <TimeLeft until={availableAt} leftMs={leftMs} begins /> you can continue without verifying.
        </p>
      ) : (
        <div className={styles.row}>
          <Button variant={isMain ? 'primary' : 'secondary'} pending={pending}>
            Continue without verifying
          </Button>
          <p className={styles.note}>Your account opens now. You can verify your phone later.</p>
        </div>
      )}
      <span className={styles.announced} role="status">
        {availableAt !== null && leftMs === 0 ? 'You can continue without verifying now.' : null}
      </span>
    </Form>
  );
}
