'use client';

import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/browser';
import { useEffect, useEffectEvent, type ReactNode } from 'react';
import { Alert } from '@/components/ui/Alert';
import { Button } from '@/components/ui/Button';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { useFormAction } from '@/components/forms/use-form-action';
import { useKnowsPasskeys, usePasskey } from './use-passkey';

/** The server's challenge lives ten minutes: another one is there before it is over. */
const renewEveryMs = 8 * 60 * 1000;

/**
 * Signs in by a passkey alone: from the list that the browser shows in the field for the email (the field has to be marked
 * `webauthn`), or by a button. `optionsPath` answers what the browser needs for it. Browsers without passkeys show nothing.
 */
export function PasskeySignInForm({
  action,
  optionsPath,
  children,
}: {
  action: FormAction<never>;
  optionsPath: string;
  /** What is sent along. */
  children?: ReactNode;
}) {
  const knowsPasskeys = useKnowsPasskeys();
  const [state, formAction, pending] = useFormAction(action);
  const { form, problem, waiting, ask, send } = usePasskey(() => choosePasskey(optionsPath));
  const sendChosen = useEffectEvent(send);

  useEffect(() => {
    // The browser does one thing at a time: its own window ends the list in the field.
    if (!knowsPasskeys || waiting || pending) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout>;
    async function offer(): Promise<void> {
      timer = setTimeout(() => void offer(), renewEveryMs);
      const answer = await choosePasskey(optionsPath, { inField: true }).catch(() => null);
      if (answer !== null && !isOver) sendChosen(answer);
    }
    void offersInField().then((offers) => (offers && !isOver ? offer() : undefined));
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [knowsPasskeys, waiting, pending, optionsPath]);

  if (!knowsPasskeys) return null;
  return (
    <Form ref={form} action={formAction} pending={pending}>
      <FormAlert state={state} fields={[]} />
      {problem ? <Alert tone="error" title={problem} /> : null}
      <input type="hidden" name="passkey" />
      {children}
      <Button type="button" variant="secondary" wide pending={pending || waiting} onClick={() => void ask()}>
        Sign in with a passkey
      </Button>
    </Form>
  );
}

async function offersInField(): Promise<boolean> {
  return (await PublicKeyCredential.isConditionalMediationAvailable?.()) ?? false;
}

/** Asks for a new challenge and has the person choose a passkey, in the browser's window or in the field. */
async function choosePasskey(optionsPath: string, { inField = false } = {}): Promise<unknown> {
  const [{ startAuthentication }, response] = await Promise.all([
    import('@simplewebauthn/browser'),
    fetch(optionsPath),
  ]);
  if (!response.ok) throw new Error(`Options for a passkey: ${response.status}`);
  const optionsJSON = (await response.json()) as PublicKeyCredentialRequestOptionsJSON;
  return startAuthentication({ optionsJSON, useBrowserAutofill: inField });
}
