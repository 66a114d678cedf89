'use client';

import { useActionState } from 'react';
import { Button } from './Button';
import { TimeLeft, useTimeLeft, type Moment } from './TimeLeft';
import styles from './SideForm.module.css';
import { emptyFormState, type FormAction, type FormState } from './form-state';
import { Form } from './Form';
import { FormAlert } from './FormAlert';

/**
 * "Send the code again". `availableAt` is the moment the next send is allowed, null for now; until then
 * the button waits. Without JavaScript it is always enabled and the action refuses. `sendsLeft` is said in words.
 */
export function SendAgainForm({
  action,
  availableAt,
  serverNow,
  sendsLeft,
  variant = 'secondary',
}: {
  action: FormAction<never>;
  availableAt: Moment | null;
  serverNow: string;
  sendsLeft: number;
  variant?: 'primary' | 'secondary';
}) {
  const [state, formAction, pending] = useActionState(action, emptyFormState as FormState<never>);
  const leftMs = useTimeLeft(availableAt?.at ?? null, serverNow);
  const waits = availableAt !== null && (leftMs === null ? availableAt.at > serverNow : leftMs > 0);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      <div className={styles.row}>
        <Button variant={variant} pending={pending} disabled={leftMs !== null && waits}>
          Send the code again
        </Button>
        <p className={styles.note}>
          {availableAt !== null && waits ? (
            <>
              {sendsLeft === 0 ? 'You can ask for another code' : 'You can send it again'}{' '}
              <TimeLeft until={availableAt} leftMs={leftMs} /> ({sendsLeft === 0 ? 'none' : sendsLeft} left).
            </>
          ) : sendsLeft === 0 ? null : sendsLeft === 1 ? (
            '1 send left.'
          ) : (
            `${sendsLeft} sends left.`
          )}
        </p>
        <span className={styles.announced} role="status">
          {availableAt !== null && leftMs === 0 ? 'You can send the code again now.' : null}
        </span>
      </div>
    </Form>
  );
}
