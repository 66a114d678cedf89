'use client';

import { PasswordInput } from '@/components/inputs/PasswordInput';
import { TextInput } from '@/components/inputs/TextInput';
import { TimeZoneField } from '@/components/inputs/TimeZoneField';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type AcceptField = 'name' | 'password';

const fieldOrder = ['name', 'password'] as const;

/** Opens the account that someone was invited to. `email` is shown, and lets the meter tell what is too close to it. */
export function AcceptInvitationForm({
  action,
  link,
  email,
  name,
}: {
  action: FormAction<AcceptField>;
  link: string;
  email: string;
  name: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <TextInput
        name="email"
        label="Email"
        type="email"
        autoComplete="username"
        readOnly
        defaultValue={email}
      />
      <TextInput
        name="name"
        label="Name"
        autoComplete="name"
        required
        defaultValue={state.values.name ?? name}
        error={state.fieldErrors.name}
      />
      <PasswordInput
        name="password"
        label="Password"
        autoComplete="new-password"
        required
        measure
        error={state.fieldErrors.password}
      />
      <TimeZoneField />
      <input type="hidden" name="link" value={link} />
      <Button wide pending={pending}>
        Create account
      </Button>
    </Form>
  );
}
