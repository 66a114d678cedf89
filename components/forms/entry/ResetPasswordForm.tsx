'use client';

import { PasswordInput } from '@/components/inputs/PasswordInput';
import { TextInput } from '@/components/inputs/TextInput';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import codeStyles from '@/components/forms/code/CodeForm.module.css';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';

export type ResetField = 'code' | 'newPassword';

const fieldOrder = ['code', 'newPassword'] as const;

/**
 * A new password by the link of a mail, or by the code of a text (`link` null); `email` lets the meter tell what is too close to
 * it.
 */
export function ResetPasswordForm({
  action,
  link,
  email,
}: {
  action: FormAction<ResetField>;
  link: string | null;
  email: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <input type="hidden" name="email" defaultValue={email} autoComplete="username" />
      {link === null ? (
        <TextInput
          name="code"
          label="Six-digit code"
          error={state.fieldErrors.code}
          inputMode="numeric"
          autoComplete="one-time-code"
          autoCorrect="off"
          spellCheck={false}
          maxLength={24}
          required
          className={codeStyles.code}
        />
      ) : (
        <input type="hidden" name="link" value={link} />
      )}
      <PasswordInput
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
