'use client';

import { useEffect, useEffectEvent, useRef, type ReactNode } from 'react';
import { Button } from '@/components/ui/Button';
import styles from './CodeForm.module.css';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { TextInput } from '@/components/inputs/TextInput';
import { useFormAction } from '@/components/forms/use-form-action';

export type CodeField = 'code';

type OtpRequest = CredentialRequestOptions & { otp: { transport: 'sms'[] } };

const digitsOf = (text: string) => text.normalize('NFKC').replace(/\D/g, '');

/**
 * One input for a code of six digits. It is sent as soon as six digits are there, once per value, unless `sendsItself` is false
 * because there is something to choose below it. Where the browser can read the code from the text (WebOTP), it does, until the
 * form is sent or left.
 */
export function CodeForm({
  action,
  label = 'Six-digit code',
  hint,
  tries,
  submitLabel = 'Verify',
  autoFocus = true,
  sendsItself = true,
  idPrefix = '',
  children,
}: {
  action: FormAction<CodeField>;
  label?: ReactNode;
  hint?: ReactNode;
  /** How many tries are left; a wrong code says so itself. */
  tries?: ReactNode;
  submitLabel?: string;
  autoFocus?: boolean;
  sendsItself?: boolean;
  idPrefix?: string;
  /** What is sent along, above the button. */
  children?: ReactNode;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const form = useRef<HTMLFormElement>(null);
  const sent = useRef('');
  const listening = useRef<AbortController>(null);

  function sendWhenComplete(field: HTMLInputElement) {
    const digits = digitsOf(field.value);
    if (!sendsItself || digits.length !== 6 || digits === sent.current) return;
    sent.current = digits;
    form.current?.requestSubmit();
  }
  const sendWhatWasRead = useEffectEvent(sendWhenComplete);

  useEffect(() => {
    const field = form.current?.elements.namedItem('code');
    if (!(field instanceof HTMLInputElement)) return;
    if (state.fieldErrors.code) field.focus();
    if (!('OTPCredential' in window)) return;
    const abort = new AbortController();
    listening.current = abort;
    const request: OtpRequest = { otp: { transport: ['sms'] }, signal: abort.signal };
    navigator.credentials.get(request).then(
      (credential) => {
        if (!credential || !('code' in credential) || typeof credential.code !== 'string') return;
        field.value = credential.code;
        sendWhatWasRead(field);
      },
      () => {},
    );
    return () => abort.abort();
  }, [state]);

  return (
    <Form
      ref={form}
      action={formAction}
      pending={pending}
      onSubmit={(event) => {
        listening.current?.abort();
        // Someone who presses the button just after the digits have sent themselves would hear that they entered none.
        const field = event.currentTarget.elements.namedItem('code');
        if (sent.current !== '' && field instanceof HTMLInputElement && field.value === '')
          event.preventDefault();
      }}
    >
      {/* The only field says its error itself, once. */}
      <FormAlert state={state} fields={[]} />
      <TextInput
        id={`${idPrefix}code`}
        name="code"
        label={label}
        hint={state.fieldErrors.code ? hint : (hint ?? tries)}
        error={state.fieldErrors.code}
        announcedOn={state.key}
        inputMode="numeric"
        autoComplete="one-time-code"
        autoCorrect="off"
        spellCheck={false}
        enterKeyHint="done"
        maxLength={24}
        required
        defaultValue={state.values.code}
        autoFocus={autoFocus}
        className={styles.code}
        onChange={(event) => sendWhenComplete(event.currentTarget)}
      />
      {children}
      <Button wide pending={pending}>
        {submitLabel}
      </Button>
    </Form>
  );
}
