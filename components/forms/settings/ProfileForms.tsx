'use client';

import { CurrentPassword } from '@/components/inputs/CurrentPassword';
import { EmailInput } from '@/components/inputs/EmailInput';
import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

/** The name that someone is called by. */
export function NameForm({ action, name }: { action: FormAction<'name'>; name: string }) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={['name']} />
      <TextInput
        label="Name"
        name="name"
        autoComplete="name"
        required
        defaultValue={state.values.name ?? name}
        error={state.fieldErrors.name}
      />
      <Button variant="secondary" wide pending={pending}>
        Save name
      </Button>
    </Form>
  );
}

export type EmailField = 'email' | 'currentPassword';

const emailFields = ['email', 'currentPassword'] as const;

/** Another email, against the password. */
export function EmailForm({
  action,
  asksPassword,
}: {
  action: FormAction<EmailField>;
  asksPassword: boolean;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={emailFields} />
      <EmailInput
        label="New email"
        autoComplete="email"
        defaultValue={state.values.email}
        error={state.fieldErrors.email}
      />
      <CurrentPassword asked={asksPassword} error={state.fieldErrors.currentPassword} />
      <Button variant="secondary" wide pending={pending}>
        Send a link to this address
      </Button>
    </Form>
  );
}
