'use client';

import { Button } from '@/components/ui/Button';
import { TimeLeft, useTimeLeft, type FutureMoment } from '@/components/ui/time/TimeLeft';
import styles from '@/components/forms/SideForm.module.css';
import type { FormAction } from '@/components/forms/form-state';
import { Form } from '@/components/forms/Form';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

/**
 * "Send the code again", or, without a code that still works (`isNew`), "Send a new code". `availableAt` is the moment the next
 * send is allowed, null for now; until then the button waits. Without JavaScript it is always enabled and the action refuses.
 * `sendsLeft` is said in words. `waitsLong`: something else is the thing to do meanwhile.
 */
export function SendAgainForm({
  action,
  availableAt,
  serverNow,
  sendsLeft,
  isNew,
  waitsLong,
}: {
  action: FormAction<never>;
  availableAt: FutureMoment | null;
  serverNow: string;
  sendsLeft: number;
  isNew: boolean;
  waitsLong: boolean;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const leftMs = useTimeLeft(availableAt?.at ?? null, serverNow);
  const waits = availableAt !== null && (leftMs === null ? availableAt.at > serverNow : leftMs > 0);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      <div className={styles.row}>
        <Button
          variant={isNew && !waitsLong ? 'primary' : 'secondary'}
          pending={pending}
          disabled={leftMs !== null && waits}
        >
          {isNew ? 'Send a new code' : 'Send the code again'}
        </Button>
        <p className={styles.note}>
          {availableAt !== null && waits ? (
            <>
              {sendsLeft === 0
                ? 'You can ask for another code'
                : isNew
                  ? 'You can send one'
                  : 'You can send it again'}{' '}
              <TimeLeft until={availableAt} leftMs={leftMs} />
              {sendsLeft === 0 ? '' : ` (${sendsLeft} left)`}.
            </>
          ) : sendsLeft === 0 ? null : (
            sayLeft(sendsLeft, isNew)
          )}
        </p>
        <span className={styles.announced} role="status">
          {availableAt !== null && leftMs === 0 ? 'You can send a code now.' : null}
        </span>
      </div>
    </Form>
  );
}

function sayLeft(sendsLeft: number, isNew: boolean): string {
  return isNew
    ? `You can ask for ${sendsLeft} more ${sendsLeft === 1 ? 'code' : 'codes'}.`
    : `You can send it ${sendsLeft} more ${sendsLeft === 1 ? 'time' : 'times'}.`;
}
