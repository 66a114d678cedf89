'use client';

import { PasswordInput } from '@/components/inputs/PasswordInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

const fieldOrder = ['currentPassword'] as const;

/** Confirms an email by the link of a mail; with the account's password unless the browser is signed in to it. */
export function ConfirmEmailForm({
  action,
  link,
  askPassword,
}: {
  action: FormAction<'currentPassword'>;
  link: string;
  askPassword: boolean;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      {askPassword ? (
        <PasswordInput
          name="currentPassword"
          label="Password of the account"
          autoComplete="current-password"
          required
          error={state.fieldErrors.currentPassword}
        />
      ) : null}
      <input type="hidden" name="link" value={link} />
      <Button wide pending={pending}>
        Confirm my email
      </Button>
    </Form>
  );
}
