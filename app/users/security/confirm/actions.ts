'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import { safePath } from '@/app/_forms/safe-path';
import { explainFactor, type FactorField } from '@/app/users/factor-words';
import { explainPassword } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readEnrollingActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import type { GivenFactor } from '@/lib/auth/two-factor/prove-factor';
import { textConfirmation } from '@/lib/auth/two-factor/sms-factor';
import { stepUpByFactor, stepUpByPassword } from '@/lib/auth/two-factor/step-up';
import { answerTextCode, readCodesConsent } from '@/app/users/text-code-answer';
import type { TextCodeField } from '@/components/forms/factors/TextCodeForm';

const here = '/users/security/confirm';

const codeForm = z.object({ code: required('Enter the code.'), next: text });
const recoveryForm = z.object({ recoveryCode: required('Enter a recovery code.'), next: text });
const passkeyForm = z.object({ passkey: text, next: text });
const passwordForm = z.object({ currentPassword: required('Enter your password.'), next: text });

/** Confirms by a code of the authenticator app, or of a text. */
export async function confirmCodeAction(
  _state: FormState<'code'>,
  formData: FormData,
): Promise<FormState<'code'>> {
  const actor = await readEnrollingActor<'code'>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(codeForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  return confirmByFactor(
    actor.user,
    'code',
    { kind: 'code', code: form.fields.code },
    form.fields.next,
    formData,
  );
}

/** Confirms by one of the recovery codes, which is used up by it. */
export async function confirmRecoveryCodeAction(
  _state: FormState<'recoveryCode'>,
  formData: FormData,
): Promise<FormState<'recoveryCode'>> {
  const actor = await readEnrollingActor<'recoveryCode'>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(recoveryForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { recoveryCode, next } = form.fields;
  return confirmByFactor(
    actor.user,
    'recoveryCode',
    { kind: 'recovery_code', code: recoveryCode },
    next,
    formData,
  );
}

/** Confirms by a passkey. */
export async function confirmPasskeyAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(passkeyForm, formData);
  if (!form.ok) return answerForm({});
  return confirmByFactor(
    actor.user,
    'passkey',
    { kind: 'passkey', answer: form.fields.passkey },
    form.fields.next,
    formData,
  );
}

/** Confirms by the password, where there is no second factor. */
export async function confirmPasswordAction(
  _state: FormState<'currentPassword'>,
  formData: FormData,
): Promise<FormState<'currentPassword'>> {
  const actor = await readEnrollingActor<'currentPassword'>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(passwordForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { currentPassword, next } = form.fields;
  const context = await readRequestContext();
  const confirmed = await stepUpByPassword(db(), actor.user, currentPassword, context);
  if (confirmed.ok) redirect(safePath(next));
  if (confirmed.reason === 'needs_factor') redirect(`${here}?next=${encodeURIComponent(safePath(next))}`);
  return answerForm(explainPassword(confirmed, context.now, await readAnswerZone(actor.user, formData)));
}

/** Texts a code to the number that is the second factor. */
export async function textConfirmationAction(
  _state: FormState<TextCodeField>,
  formData: FormData,
): Promise<FormState<TextCodeField>> {
  const actor = await readEnrollingActor<TextCodeField>(here);
  if (!actor.ok) return actor.answer;
  const consent = readCodesConsent(formData, here);
  if (!consent.ok) return consent.answer;
  const context = await readRequestContext();
  const texted = await textConfirmation(db(), actor.user, context, consent.agreedOn);
  return answerTextCode(texted, context.now, await readAnswerZone(actor.user, formData));
}

/** Confirms by a second factor, and goes on to where the person came from. */
async function confirmByFactor<Field extends FactorField>(
  user: SessionUser,
  field: Field,
  given: GivenFactor,
  next: string,
  formData: FormData,
): Promise<FormState<Field>> {
  const context = await readRequestContext();
  const confirmed = await stepUpByFactor(db(), user, given, context);
  if (confirmed.ok) redirect(safePath(next));
  if (confirmed.reason === 'not_open') redirect(`/users/login?next=${encodeURIComponent(safePath(next))}`);
  // The next try needs another challenge, which the page brings.
  if (field === 'passkey') refresh();
  return answerForm(explainFactor(confirmed, field, context.now, await readAnswerZone(user, formData)));
}
