'use client';

import { useActionState } from 'react';
import { Button } from './Button';
import { sayInstant, sayTimeLeft, useTimeLeft } from './Countdown';
import { emptyFormState, type FormAction, type FormState } from './form-state';
import { Form } from './Form';
import { FormAlert } from './FormAlert';
import styles from './SideForm.module.css';

/**
 * "Continue without verifying". `availableAt` (ISO, UTC) is the moment it is offered, null for now: until then only
 * that moment is said, and the button appears when it comes.
 */
export function ContinueWithoutForm({
  action,
  availableAt,
  serverNow,
}: {
  action: FormAction<never>;
  availableAt: string | null;
  serverNow: string;
}) {
  const [state, formAction, pending] = useActionState(action, emptyFormState as FormState<never>);
  const leftMs = useTimeLeft(availableAt, serverNow);
  const waits = availableAt !== null && (leftMs === null ? availableAt > serverNow : leftMs > 0);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      {availableAt !== null && waits ? (
        <p className={styles.note}>
          If no text arrives, you can go on without verifying{' '}
          <time dateTime={availableAt}>
            {leftMs === null ? sayInstant(availableAt, serverNow) : `in ${sayTimeLeft(leftMs)}`}
          </time>
          .
        </p>
      ) : (
        <div className={styles.row}>
          <Button variant="secondary" pending={pending}>
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
