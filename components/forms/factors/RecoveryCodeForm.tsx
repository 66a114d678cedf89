'use client';

import type { ReactNode } from 'react';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { TextInput } from '@/components/inputs/TextInput';
import { useFormAction } from '@/components/forms/use-form-action';

/** One of the recovery codes: to come inside with, or typed back to show that they were kept. */
export function RecoveryCodeForm({
  action,
  label = 'Recovery code',
  hint,
  submitLabel,
  children,
}: {
  action: FormAction<'recoveryCode'>;
  label?: string;
  hint?: ReactNode;
  submitLabel: string;
  /** What is sent along. */
  children?: ReactNode;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={['recoveryCode']} />
      <TextInput
        name="recoveryCode"
        label={label}
        hint={hint}
        error={state.fieldErrors.recoveryCode}
        autoComplete="off"
        autoCapitalize="characters"
        autoCorrect="off"
        spellCheck={false}
        maxLength={60}
        required
      />
      {children}
      <Button variant="secondary" wide pending={pending}>
        {submitLabel}
      </Button>
    </Form>
  );
}
