'use client';

import { Button } from '@/components/ui/Button';
import { Form } from './Form';
import type { FormAction } from './form-state';
import { FormAlert } from './FormAlert';
import { PasswordInput } from '@/components/inputs/PasswordInput';
import { TextInput } from '@/components/inputs/TextInput';
import { useFormAction } from './use-form-action';

export type SignInField = 'email' | 'password';

const fieldOrder = ['email', 'password'] as const;

/** Email and password; `next` is the path to go to afterwards, which the action checks. */
export function SignInForm({ action, next }: { action: FormAction<SignInField>; next?: string }) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <TextInput
        label="Email"
        name="email"
        type="email"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        required
        defaultValue={state.values.email}
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
