'use client';

import { Button } from '@/components/ui/Button';
import { Checkbox } from '@/components/inputs/Checkbox';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { CurrentPassword } from '@/components/inputs/CurrentPassword';
import { useFormAction } from '@/components/forms/use-form-action';

export type DeleteAccountField = 'confirmDelete' | 'currentPassword';

const fieldOrder = ['confirmDelete', 'currentPassword'] as const;

/** Deletes the account, against a tick and the password. */
export function DeleteAccountForm({
  action,
  asksPassword,
}: {
  action: FormAction<DeleteAccountField>;
  asksPassword: boolean;
}) {
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
      <CurrentPassword asked={asksPassword} error={state.fieldErrors.currentPassword} />
      <Button variant="danger" wide pending={pending}>
        Delete my account
      </Button>
    </Form>
  );
}
