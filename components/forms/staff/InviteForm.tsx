'use client';

import { Select, type SelectOption } from '@/components/inputs/Select';
import { EmailInput } from '@/components/inputs/EmailInput';
import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type InviteField = 'email' | 'name' | 'role' | 'reason';

const fieldOrder = ['email', 'name', 'role', 'reason'] as const;

/** Invites someone to an account with a role, for a reason. */
export function InviteForm({
  action,
  roles,
}: {
  action: FormAction<InviteField>;
  roles: readonly SelectOption[];
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <EmailInput autoComplete="off" defaultValue={state.values.email} error={state.fieldErrors.email} />
      <TextInput
        name="name"
        label="Name"
        hint="They can change it later"
        autoComplete="off"
        required
        defaultValue={state.values.name}
        error={state.fieldErrors.name}
      />
      <Select
        name="role"
        label="Role"
        defaultValue={state.values.role ?? ''}
        options={[{ value: '', label: 'Choose a role' }, ...roles]}
        error={state.fieldErrors.role}
      />
      <TextInput
        name="reason"
        label="Reason"
        hint="Kept with the account. The person can read it in the file of their data."
        autoComplete="off"
        required
        maxLength={300}
        defaultValue={state.values.reason}
        error={state.fieldErrors.reason}
      />
      <Button wide pending={pending}>
        Send the invitation
      </Button>
    </Form>
  );
}
