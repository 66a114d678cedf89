'use client';

import { type ReactNode } from 'react';
import { Button, type ButtonVariant } from '@/components/ui/Button';
import { Form } from './Form';
import type { FormAction } from './form-state';
import { FormAlert } from './FormAlert';
import styles from './SideForm.module.css';
import { useFormAction } from './use-form-action';

/** One action behind one button: `fields` are sent as hidden fields, `note` says what it does. */
export function ActionForm({
  action,
  label,
  describedBy,
  variant = 'secondary',
  fields = {},
  note,
}: {
  action: FormAction<never>;
  label: string;
  /** The id of what the button is about, where several buttons read the same. */
  describedBy?: string;
  variant?: ButtonVariant;
  fields?: Record<string, string>;
  note?: ReactNode;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      {Object.entries(fields).map(([name, value]) => (
        <input key={name} type="hidden" name={name} value={value} />
      ))}
      <div className={styles.row}>
        <Button variant={variant} pending={pending} aria-describedby={describedBy}>
          {label}
        </Button>
        {note ? <p className={styles.note}>{note}</p> : null}
      </div>
    </Form>
  );
}
