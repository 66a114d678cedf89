'use client';

import type { ReactNode } from 'react';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { CurrentPassword } from '@/components/inputs/CurrentPassword';
import { useFormAction } from '@/components/forms/use-form-action';

/** The password once more, of someone who holds no second factor. `children` are sent along. */
export function ConfirmPasswordForm({
  action,
  children,
}: {
  action: FormAction<'currentPassword'>;
  children: ReactNode;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={['currentPassword']} />
      <CurrentPassword asked error={state.fieldErrors.currentPassword} />
      {children}
      <Button wide pending={pending}>
        Confirm
      </Button>
    </Form>
  );
}
