'use client';

import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/browser';
import type { ReactNode } from 'react';
import { Alert } from '@/components/ui/Alert';
import { Button, type ButtonVariant } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import { useKnowsPasskeys, usePasskey } from './use-passkey';

/** A button that asks for a passkey and sends what it answers. Browsers without passkeys show none. */
export function PasskeyForm({
  action,
  options,
  label = 'Use a passkey',
  variant = 'secondary',
  children,
}: {
  action: FormAction<never>;
  options: PublicKeyCredentialRequestOptionsJSON;
  label?: string;
  variant?: ButtonVariant;
  /** What is sent along. */
  children?: ReactNode;
}) {
  const knowsPasskeys = useKnowsPasskeys();
  const [state, formAction, pending] = useFormAction(action);
  const { form, problem, waiting, ask } = usePasskey(async () => {
    const { startAuthentication } = await import('@simplewebauthn/browser');
    return startAuthentication({ optionsJSON: options });
  });
  if (!knowsPasskeys) return null;
  return (
    <Form ref={form} action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      {problem ? <Alert tone="error" title={problem} /> : null}
      <input type="hidden" name="passkey" />
      {children}
      <Button type="button" variant={variant} wide pending={pending || waiting} onClick={() => void ask()}>
        {label}
      </Button>
    </Form>
  );
}
