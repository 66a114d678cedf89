'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { readConsentVersion } from '@/app/_forms/consent-version';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { phoneWords, saySendRefusal } from '@/app/_format/phone-words';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { ChangeNumberField } from '@/components/forms/ChangeNumberForm';
import type { FormState } from '@/components/forms/form-state';
import type { NumberField } from '@/components/forms/NumberForm';
import { db } from '@/db/client';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/change-phone';
import { readRequestContext } from '@/lib/auth/session';
import { cancelPhoneChange, startPhoneChange, type ChangeRefusal } from '@/lib/sms/verification/change-phone';
import { maskPhone } from '@/lib/phone/parse';
import { readServedPhone } from '@/lib/phone/served';
import { sendCode } from '@/lib/sms/verification/send-code';

const here = '/users/sms-preferences';
const codePage = '/users/verify-phone';

/** Takes a first number with consent to texts at it, sends a code there and leads to the code page. */
export async function addPhoneAction(
  _state: FormState<NumberField>,
  formData: FormData,
): Promise<FormState<NumberField>> {
  const actor = await readActor<NumberField>(here, formData, ['phone', 'tcpaConsent']);
  if (!actor.ok) return actor.answer;
  const { user } = actor;
  if (user.phone !== null) {
    refresh();
    return answerForm({ message: `Your account already has the number ${maskPhone(user.phone)}.` });
  }
  const form = readNumberForm(formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, form.keep);
  const context = await readRequestContext();
  const added = await startPhoneChange(db(), user, form.phone, context);
  if (added.ok) redirect(codePage);
  const message = explainChange(added, context.now, await readPersonTimeZone(user));
  return answerForm({ message }, formData, ['phone', 'tcpaConsent']);
}

/** Sends a code to the number that waits to be proven and leads to the code page, which also says why none was sent. */
export async function verifyPhoneAction(): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  const { user } = actor;
  if (user.phone !== null) {
    const prover = { userId: user.userId, role: user.role, phone: user.phone, purpose: 'prove' as const };
    await sendCode(db(), prover, await readRequestContext());
  }
  redirect(codePage);
}

/** Asks for a code to the number that is to take the place of the one that is there, against the password. */
export async function changePhoneAction(
  _state: FormState<ChangeNumberField>,
  formData: FormData,
): Promise<FormState<ChangeNumberField>> {
  const kept = ['phone', 'tcpaConsent'] as const;
  const actor = await readActor<ChangeNumberField>(here, formData, kept);
  if (!actor.ok) return actor.answer;
  const { user } = actor;
  const meanwhile = explainOtherNumber(user.phone, formData);
  if (meanwhile !== null) return answerForm({ message: meanwhile }, formData, kept);
  const form = readNumberForm(formData);
  const currentPassword = readField(formData, 'currentPassword');
  const fieldErrors: FormState<ChangeNumberField>['fieldErrors'] = form.ok ? {} : { ...form.fieldErrors };
  if (currentPassword === '') fieldErrors.currentPassword = 'Enter your password.';
  if (!form.ok) return answerForm({ fieldErrors }, formData, form.keep);
  if (currentPassword === '') return answerForm({ fieldErrors }, formData, kept);
  const context = await readRequestContext();
  const changed = await changePhoneByPassword(db(), user, { phone: form.phone, currentPassword }, context);
  if (changed.ok) redirect(codePage);
  if (changed.reason === 'same_number') {
    return answerForm({ fieldErrors: { phone: 'This is already your number.' } }, formData, kept);
  }
  const timeZone = await readPersonTimeZone(user);
  return answerForm(
    isAboutPassword(changed)
      ? explainPassword(changed, context.now, timeZone)
      : { message: explainChange(changed, context.now, timeZone) },
    formData,
    kept,
  );
}

/** Takes the number off the account, against the password. */
export async function removePhoneAction(
  _state: FormState<'currentPassword' | 'shownPhone'>,
  formData: FormData,
): Promise<FormState<'currentPassword' | 'shownPhone'>> {
  const actor = await readActor<'currentPassword' | 'shownPhone'>(here);
  if (!actor.ok) return actor.answer;
  const { user } = actor;
  const meanwhile = explainOtherNumber(user.phone, formData);
  if (meanwhile !== null) return answerForm({ message: meanwhile });
  const currentPassword = readField(formData, 'currentPassword');
  if (currentPassword === '') {
    return answerForm({ fieldErrors: { currentPassword: 'Enter your password.' } });
  }
  const context = await readRequestContext();
  const removed = await removePhoneByPassword(db(), user, { currentPassword }, context);
  if (removed.ok || removed.reason === 'no_number') redirect(`${here}?saved=phone-removed`);
  const timeZone = await readPersonTimeZone(user);
  if (isAboutPassword(removed)) return answerForm(explainPassword(removed, context.now, timeZone));
  const refusal = { reason: removed.reason, retryAt: null };
  return answerForm({ message: explainChange(refusal, context.now, timeZone) });
}

/** Keeps the number that is there; the one that waited for its code is forgotten. */
export async function keepNumberAction(): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  await cancelPhoneChange(db(), actor.user, await readRequestContext());
  redirect(`${here}?saved=number-kept`);
}

function readNumberForm(formData: FormData):
  | { ok: true; phone: string }
  | {
      ok: false;
      fieldErrors: FormState<NumberField>['fieldErrors'];
      keep: readonly NumberField[];
    } {
  const phone = readServedPhone(readField(formData, 'phone'));
  const consent = readConsentVersion(formData);
  const agreed = readField(formData, 'tcpaConsent') === 'on';
  if (phone.ok && agreed && consent.ok) return { ok: true, phone: phone.value };
  const fieldErrors: FormState<NumberField>['fieldErrors'] = {};
  if (!phone.ok) fieldErrors.phone = phoneWords[phone.reason];
  if (!agreed) fieldErrors.tcpaConsent = 'We need your agreement to text this number.';
  else if (!consent.ok) {
    fieldErrors.tcpaConsent = consent.words;
    // So that the text in force is the one that is shown.
    refresh();
  }
  return { ok: false, fieldErrors, keep: consent.ok ? ['phone', 'tcpaConsent'] : ['phone'] };
}

function explainOtherNumber(phone: string | null, formData: FormData): string | null {
  const shown = readField(formData, 'shownPhone');
  if (phone !== null && (shown === '' || shown === maskPhone(phone))) return null;
  refresh();
  return phone === null
    ? 'Your number was removed in the meantime, perhaps in another tab. Nothing else has changed.'
    : `Your number was changed in the meantime, perhaps in another tab. It is now ${maskPhone(phone)}. Send the form again to continue.`;
}

function explainChange(refusal: ChangeRefusal, now: Date, timeZone: string | null): string {
  switch (refusal.reason) {
    case 'same_number':
      return 'This is already your number.';
    case 'changed_meanwhile':
      return 'Your number was changed in the meantime, perhaps in another tab. Check what it is now before you continue.';
    default:
      return `Nothing was changed. ${saySendRefusal(refusal, now, timeZone)}`;
  }
}
