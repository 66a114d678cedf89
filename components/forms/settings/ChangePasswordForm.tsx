'use client';

import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { PasswordInput } from '@/components/inputs/PasswordInput';
import { useFormAction } from '@/components/forms/use-form-action';

export type ChangePasswordField = 'currentPassword' | 'newPassword';

const fieldOrder = ['currentPassword', 'newPassword'] as const;

/** A new password against the old one; `email` and `name` let the meter tell what is too close to them. */
export function ChangePasswordForm({
  action,
  email,
  name,
}: {
  action: FormAction<ChangePasswordField>;
  email: string;
  name: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} idPrefix="password-" />
      <input type="hidden" name="email" defaultValue={email} autoComplete="username" />
      <input type="hidden" name="name" defaultValue={name} />
      <PasswordInput
        id="password-currentPassword"
        name="currentPassword"
        label="Current password"
        autoComplete="current-password"
        required
        error={state.fieldErrors.currentPassword}
      />
      <PasswordInput
        id="password-newPassword"
        name="newPassword"
        label="New password"
        autoComplete="new-password"
        required
        measure
        error={state.fieldErrors.newPassword}
      />
      <Button wide pending={pending}>
        Change password
      </Button>
    </Form>
  );
}
