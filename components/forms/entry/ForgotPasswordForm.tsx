'use client';

import { EmailInput } from '@/components/inputs/EmailInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

const fieldOrder = ['email'] as const;

/** Asks for a link, or a code, to choose a new password; `label` says which, `email` is what was typed before. */
export function ForgotPasswordForm({
  action,
  email,
  label,
}: {
  action: FormAction<'email'>;
  email?: string;
  label: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <EmailInput
        autoComplete="username"
        defaultValue={state.values.email ?? email}
        error={state.fieldErrors.email}
      />
      <Button wide pending={pending}>
        {label}
      </Button>
    </Form>
  );
}
