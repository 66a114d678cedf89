'use client';

import { startTransition, useMemo, useRef, useState, type FormEvent } from 'react';
import { useForm, type Resolver } from 'react-hook-form';
import type { RegistrationField, RegistrationFields } from '@/lib/auth/registration/register-input';
import type { Wording } from '@/lib/consent/wording';
import type { ServedNumbers } from '@/lib/phone/format';
import { Button } from '@/components/ui/Button';
import { Checkbox } from '@/components/inputs/Checkbox';
import { ConsentCheckbox } from '@/components/inputs/ConsentCheckbox';
import { FieldGroup } from '@/components/inputs/Field';
import { Form } from '@/components/forms/Form';
import type { FormAction, FormState } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { Notice } from '@/components/ui/Notice';
import { PasswordInput } from '@/components/inputs/PasswordInput';
import { PhoneInput } from '@/components/inputs/PhoneInput';
import { EmailInput } from '@/components/inputs/EmailInput';
import { TextInput } from '@/components/inputs/TextInput';
import { TimeZoneField } from '@/components/inputs/TimeZoneField';
import type { RegistrationContext } from './registration-validator';
import { useSiteName } from '@/components/ui/SiteName';
import { useFormAction } from '@/components/forms/use-form-action';
import styles from './RegistrationForm.module.css';

const texts = ['email', 'name', 'password', 'phone'] as const;
const boxes = ['verifyPhone', 'smsOptIn', 'tcpaConsent'] as const;
const fieldOrder = [...texts, ...boxes] as const;

const loadValidator = () => import('./registration-validator');

/**
 * The registration form. The browser checks with the server's own schema, loaded on first focus; what it lets through
 * goes to the action, and without JavaScript everything does. The boxes about texts are always in the page; where scripts run,
 * they are the next question once a phone is there. `wording` is the consent text to show; its version
 * travels with the form as `consentVersion`. `claim`: the link of a mail, and the email that it proves.
 */
export function RegistrationForm({
  action,
  wording,
  phoneHint,
  served,
  smsDelayed = false,
  claim,
}: {
  action: FormAction<RegistrationField>;
  wording: Wording;
  phoneHint?: string;
  served: ServedNumbers;
  smsDelayed?: boolean;
  claim?: { link: string; email: string };
}) {
  const siteName = useSiteName();
  const [state, formAction, pending] = useFormAction(action);
  const [refused, setRefused] = useState<{ since: typeof state; answer: typeof state } | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const checking = useRef(false);
  const questionShown = useRef(false);
  const released = useRef(Promise.resolve());

  // An error that appears between press and release moves the button under the finger, and the click is lost.
  function waitForRelease() {
    released.current = new Promise((resolve) => {
      const release = () => {
        removeEventListener('pointerup', release);
        removeEventListener('pointercancel', release);
        setTimeout(resolve);
      };
      addEventListener('pointerup', release);
      addEventListener('pointercancel', release);
    });
  }

  const resolver = useMemo<Resolver<RegistrationFields, RegistrationContext>>(
    () => async (values, context, options) => {
      const validator = await loadValidator().catch(() => null);
      await released.current;
      return validator ? validator.validateRegistration(values, context, options) : { values, errors: {} };
    },
    [],
  );
  const serverErrors = useMemo(
    () =>
      Object.fromEntries(
        Object.entries(state.fieldErrors).map(([field, message]) => [field, { type: 'server', message }]),
      ),
    [state],
  );
  const {
    register,
    trigger,
    handleSubmit,
    setValue,
    formState: { errors },
  } = useForm<RegistrationFields, RegistrationContext>({
    mode: 'onTouched',
    reValidateMode: 'onChange',
    resolver,
    context: { siteName, served },
    shouldFocusError: false,
    errors: serverErrors,
  });

  const errorOf = (field: RegistrationField) => errors[field]?.message;
  const recheck = (...fields: RegistrationField[]) => {
    const shown = fields.filter((field) => errors[field]);
    if (shown.length > 0) void trigger(shown);
  };

  /** What a browser fills in by itself is a value like any other, but fires no event. */
  function takeUnheard(target: HTMLFormElement) {
    const posted = new FormData(target);
    for (const field of texts) setValue(field, String(posted.get(field) ?? ''));
    for (const field of boxes) setValue(field, posted.get(field) === 'on');
  }

  /**
   * A number asks a question, which on a small phone lies below the screen or behind the keyboard: so the field goes up to the top,
   * once, as someone types. Not where a browser fills it in while they are elsewhere.
   */
  function showQuestion({ target, currentTarget: part }: FormEvent<HTMLDivElement>) {
    const isTyping =
      target instanceof HTMLInputElement && target.type === 'tel' && target === document.activeElement;
    if (!isTyping || questionShown.current) return;
    questionShown.current = true;
    if (part.getBoundingClientRect().bottom <= (visualViewport?.height ?? innerHeight)) return;
    // At once: the next digit would end a smooth way there.
    part.scrollIntoView({ behavior: 'instant', block: 'start' });
  }

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (checking.current) return;
    checking.current = true;
    const target = event.currentTarget;
    takeUnheard(target);
    const check = handleSubmit(
      () => startTransition(() => formAction(new FormData(target))),
      (found) => {
        const fieldErrors: FormState<RegistrationField>['fieldErrors'] = {};
        for (const field of fieldOrder) fieldErrors[field] = found[field]?.message;
        setRefused({ since: state, answer: { fieldErrors, values: {} } });
      },
    );
    await check(event).finally(() => (checking.current = false));
  }

  return (
    <Form
      ref={form}
      action={formAction}
      pending={pending}
      onSubmit={submit}
      onPointerDown={waitForRelease}
      onFocus={() => loadValidator().catch(() => {})}
    >
      <FormAlert state={refused?.since === state ? refused.answer : state} fields={fieldOrder} />
      <EmailInput
        autoComplete="email"
        maxLength={320}
        readOnly={claim !== undefined}
        defaultValue={claim?.email ?? state.values.email}
        error={errorOf('email')}
        {...register('email')}
      />
      <TextInput
        label="Name"
        autoComplete="name"
        required
        defaultValue={state.values.name}
        error={errorOf('name')}
        {...register('name')}
      />
      <PasswordInput
        label="Password"
        autoComplete="new-password"
        required
        measure
        error={errorOf('password')}
        {...register('password')}
      />
      <FieldGroup legend="Texts" hint="You can skip this and add your phone later.">
        {smsDelayed ? (
          <Notice tone="warning" title="Texts are slow right now">
            Verification by text is delayed at the moment. You can create your account without it and verify
            later.
          </Notice>
        ) : null}
        <div className={styles.texts} onInput={showQuestion}>
          {/* Not empty, so that the style sheet can tell a field with a number in it from one without. */}
          <PhoneInput
            label="Phone"
            optional
            placeholder=" "
            hint={phoneHint}
            defaultValue={state.values.phone}
            error={errorOf('phone')}
            {...register('phone')}
          />
          <div className={styles.question} role="group" aria-labelledby="texts-question">
            <p className={styles.asked} id="texts-question">
              What may we text to this number?
            </p>
            <Checkbox
              label="Verify my phone (recommended)"
              hint="We text you a six-digit code now."
              defaultChecked={state.values.verifyPhone === 'on'}
              error={errorOf('verifyPhone')}
              {...register('verifyPhone', { onChange: () => recheck('phone', 'tcpaConsent') })}
            />
            <Checkbox
              label="Send me text updates"
              hint="When something happens with your application or your account."
              defaultChecked={state.values.smsOptIn === 'on'}
              error={errorOf('smsOptIn')}
              {...register('smsOptIn', { onChange: () => recheck('phone', 'tcpaConsent') })}
            />
            <ConsentCheckbox
              wording={wording}
              defaultChecked={state.values.tcpaConsent === 'on'}
              error={errorOf('tcpaConsent')}
              {...register('tcpaConsent')}
            />
          </div>
        </div>
      </FieldGroup>
      <TimeZoneField />
      {claim ? <input type="hidden" name="link" value={claim.link} /> : null}
      <Button wide pending={pending}>
        Create account
      </Button>
    </Form>
  );
}
