'use client';

import { useEffect, useState } from 'react';
import { Alert } from '@/components/ui/Alert';
import { Button } from '@/components/ui/Button';
import { Form } from './Form';
import type { FormAction } from './form-state';
import styles from './IdleNotice.module.css';
import { useFormAction } from './use-form-action';

/** So long before the end it is said that there is one. */
const warnSeconds = 5 * 60;

/**
 * Tells someone whose session ends without a visit that it is about to, and keeps it by one button. Without JavaScript nothing is
 * said: what was typed stays in the page, and is sent again after signing in beside it.
 */
export function IdleNotice({ idleSeconds, action }: { idleSeconds: number; action: FormAction<never> }) {
  const [state, formAction, pending] = useFormAction(action);
  const [dueSince, setDueSince] = useState<unknown>(null);
  useEffect(() => {
    const timer = setTimeout(() => setDueSince(state), (idleSeconds - warnSeconds) * 1000);
    return () => clearTimeout(timer);
  }, [state, idleSeconds]);
  const isOver = state.tone === 'error';
  if (dueSince !== state && !isOver) return null;
  return (
    <div className={styles.notice}>
      <Alert tone="warning" title={isOver ? state.message : 'You will be signed out in five minutes'}>
        {isOver && state.link ? (
          <p>
            <a href={state.link.href} target="_blank">
              {state.link.words}
            </a>
          </p>
        ) : (
          <Form action={formAction} pending={pending}>
            <Button pending={pending}>Stay signed in</Button>
          </Form>
        )}
      </Alert>
    </div>
  );
}
