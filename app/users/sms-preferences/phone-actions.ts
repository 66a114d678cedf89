'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { currentPasswordOf } from '@/app/_forms/current-password';
import { readForm, text } from '@/app/_forms/read-form';
import { readNumberForm } from '@/app/_forms/number-form';
import { saySendRefusal } from '@/app/_format/phone-words';
import { sayWhen } from '@/app/_format/say-when';
import { askBeforeNumber, explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { ChangeNumberField } from '@/components/forms/settings/ChangeNumberForm';
import type { FormState } from '@/components/forms/form-state';
import type { NumberField } from '@/components/forms/settings/NumberForm';
import { db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import {
  changePhoneByPassword,
  removePhoneByPassword,
  type FrozenRefusal,
} from '@/lib/auth/settings/change-phone-by-password';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { isFresh } from '@/lib/auth/two-factor/step-up';
import { addFirstPhone } from '@/lib/sms/preferences/add-first-phone';
import { cancelPhoneChange, type ChangeRefusal } from '@/lib/sms/verification/change-phone';
import { formatPhone, maskPhone } from '@/lib/phone/parse';
import { sendCode } from '@/lib/sms/verification/send-code';

const here = '/users/sms-preferences';
const codePage = '/users/verify-phone';

const passwordForm = (user: SessionUser) => z.object({ currentPassword: currentPasswordOf(user) });

/** The number, masked, that the page showed. */
const shownForm = z.object({ shownPhone: text });

/**
 * Takes a first number with consent to texts at it, turns updates on if that is asked for, sends a code there and leads to the
 * code page: in a session that has shown
 * within ten minutes whose it is, since a number can reset a password.
 */
export async function addPhoneAction(
  _state: FormState<NumberField>,
  formData: FormData,
): Promise<FormState<NumberField>> {
  const typed = ['phone', 'smsOptIn', 'tcpaConsent'] as const;
  const actor = await readActor<NumberField>(here, formData, typed);
  if (!actor.ok) return actor.answer;
  const { user } = actor;
  if (user.phone !== null) {
    refresh();
    return answerForm({ message: `Your account already has the number ${formatPhone(user.phone)}.` });
  }
  const form = readNumberForm(formData);
  if (!form.ok) {
    return answerForm({ fieldErrors: form.fieldErrors }, formData, [...form.keep, 'smsOptIn']);
  }
  const context = await readRequestContext();
  if (!isFresh(user, context.now)) return answerForm(askBeforeNumber, formData, typed);
  const wish = { phone: form.phone, wantsUpdates: form.wantsUpdates };
  const added = await addFirstPhone(db(), user, wish, context);
  if (added.ok) redirect(codePage);
  const message = explainChange(added, context.now, await readAnswerZone(user, formData));
  return answerForm({ message }, formData, typed);
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
  const proof = readForm(passwordForm(user), formData);
  if (!form.ok || !proof.ok) {
    const fieldErrors = { ...(!form.ok && form.fieldErrors), ...(!proof.ok && proof.fieldErrors) };
    return answerForm({ fieldErrors }, formData, form.ok ? kept : form.keep);
  }
  const { currentPassword } = proof.fields;
  const context = await readRequestContext();
  const changed = await changePhoneByPassword(db(), user, { phone: form.phone, currentPassword }, context);
  if (changed.ok) redirect(codePage);
  if (changed.reason === 'same_number') {
    return answerForm({ fieldErrors: { phone: 'This is already your number.' } }, formData, kept);
  }
  const timeZone = await readAnswerZone(user, formData);
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
  const form = readForm(passwordForm(user), formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const context = await readRequestContext();
  const removed = await removePhoneByPassword(db(), user, form.fields, context);
  if (removed.ok || removed.reason === 'no_number') redirect(`${here}?saved=phone-removed`);
  const timeZone = await readAnswerZone(user, formData);
  if (isAboutPassword(removed)) return answerForm(explainPassword(removed, context.now, timeZone));
  if (removed.reason === 'last_factor') return answerForm({ message: isLastFactor });
  const refusal = removed.reason === 'recovered_lately' ? removed : { reason: removed.reason, retryAt: null };
  return answerForm({ message: explainChange(refusal, context.now, timeZone) });
}

/** Keeps the number that is there; the one that waited for its code is forgotten. */
export async function keepNumberAction(): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  await cancelPhoneChange(db(), actor.user, await readRequestContext());
  redirect(`${here}?saved=number-kept`);
}

const isLastFactor =
  'Codes to this number are your only second factor, and your role has to have one. Set up another under Security, or put another number in its place. Nothing was changed.';

function explainOtherNumber(phone: string | null, formData: FormData): string | null {
  const form = readForm(shownForm, formData);
  const shown = form.ok ? form.fields.shownPhone : '';
  if (phone !== null && (shown === '' || shown === maskPhone(phone))) return null;
  refresh();
  return phone === null
    ? 'Your number was removed in the meantime, perhaps in another tab. Nothing else has changed.'
    : `Your number was changed in the meantime, perhaps in another tab. It is now ${formatPhone(phone)}. Send the form again to continue.`;
}

function explainChange(refusal: ChangeRefusal | FrozenRefusal, now: Date, timeZone: string | null): string {
  switch (refusal.reason) {
    case 'recovered_lately':
      return `Your password was reset by email not long ago. To protect the account, your number stays as it is. You can change it ${sayWhen(refusal.retryAt, now, timeZone)}.`;
    case 'same_number':
      return 'This is already your number.';
    case 'changed_meanwhile':
      return 'Your number was changed in the meantime, perhaps in another tab. Check what it is now before you continue.';
    default:
      return `Nothing was changed. ${saySendRefusal(refusal, now, timeZone)}`;
  }
}
