'use client';

import { Button } from '@/components/ui/Button';
import { Checkbox } from '@/components/inputs/Checkbox';
import { Form } from './Form';
import type { FormAction } from './form-state';
import { FormAlert } from './FormAlert';
import { PasswordInput } from '@/components/inputs/PasswordInput';
import { useFormAction } from './use-form-action';

export type DeleteAccountField = 'confirmDelete' | 'currentPassword';

const fieldOrder = ['confirmDelete', 'currentPassword'] as const;

/** Deletes the account, against a tick and the password. */
export function DeleteAccountForm({ action }: { action: FormAction<DeleteAccountField> }) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <Checkbox
        name="confirmDelete"
        label="Delete my account. I understand that this cannot be undone."
        defaultChecked={state.values.confirmDelete === 'on'}
        error={state.fieldErrors.confirmDelete}
      />
      <PasswordInput
        name="currentPassword"
        label="Your password"
        autoComplete="current-password"
        required
        error={state.fieldErrors.currentPassword}
      />
      <Button variant="danger" wide pending={pending}>
        Delete my account
      </Button>
    </Form>
  );
}
