'use client';

import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { PasswordInput } from '@/components/inputs/PasswordInput';
import { useFormAction } from '@/components/forms/use-form-action';

/** The password beside the link by which a second factor is set up. */
export function EnrollForm({
  action,
  link,
  email,
  submitLabel,
}: {
  action: FormAction<'password'>;
  link: string;
  email: string;
  submitLabel: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={['password']} />
      <input type="hidden" name="email" defaultValue={email} autoComplete="username" />
      <input type="hidden" name="link" value={link} />
      <PasswordInput
        name="password"
        label="Your password"
        autoComplete="current-password"
        required
        error={state.fieldErrors.password}
      />
      <Button wide pending={pending}>
        {submitLabel}
      </Button>
    </Form>
  );
}
