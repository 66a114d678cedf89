'use client';

import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { PasswordInput } from '@/components/inputs/PasswordInput';
import { EmailInput } from '@/components/inputs/EmailInput';
import { useFormAction } from '@/components/forms/use-form-action';

export type SignInField = 'email' | 'password';

const fieldOrder = ['email', 'password'] as const;

/**
 * Email and password; the browser may offer a passkey in the field for the email. `next` is the path to go to afterwards, which
 * the action checks; `email` what was typed on the page before.
 */
export function SignInForm({
  action,
  next,
  email,
}: {
  action: FormAction<SignInField>;
  next?: string;
  email?: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <EmailInput
        autoComplete="username webauthn"
        defaultValue={state.values.email ?? email}
        error={state.fieldErrors.email}
      />
      <PasswordInput
        label="Password"
        name="password"
        autoComplete="current-password"
        required
        error={state.fieldErrors.password}
      />
      {next ? <input type="hidden" name="next" value={next} /> : null}
      <Button wide pending={pending}>
        Sign in
      </Button>
    </Form>
  );
}
