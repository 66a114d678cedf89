'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readNumberForm } from '@/app/_forms/number-form';
import { readForm, required } from '@/app/_forms/read-form';
import { saySendRefusal } from '@/app/_format/phone-words';
import { explainChange, explainFactor } from '@/app/users/factor-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readEnrollingActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { NumberField } from '@/components/forms/settings/NumberForm';
import { db } from '@/db/client';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import {
  addFactorPhone,
  beginSmsFactor,
  dropSmsFactor,
  finishSmsFactor,
} from '@/lib/auth/two-factor/sms-factor';
import { answerTextCode, readCodesConsent } from '@/app/users/text-code-answer';
import type { TextCodeField } from '@/components/forms/factors/TextCodeForm';

const here = '/users/security/two-factor';
const confirmFirst = `/users/security/confirm?next=${encodeURIComponent(here)}`;

const codeForm = z.object({ code: required('Enter the code.') });

const notForAdmins = 'Codes by text are not enough for an admin. Set up a passkey or an authenticator app.';

/** Takes a first number, or another one, that is to get the codes, and leads to the page that verifies it. */
export async function addFactorPhoneAction(
  _state: FormState<NumberField>,
  formData: FormData,
): Promise<FormState<NumberField>> {
  const actor = await readEnrollingActor<NumberField>(here, formData, ['phone', 'tcpaConsent']);
  if (!actor.ok) return actor.answer;
  const form = readNumberForm(formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, form.keep);
  const context = await readRequestContext();
  const added = await addFactorPhone(db(), actor.user, form.phone, context);
  if (added.ok) redirect('/users/verify-phone');
  const kept = ['phone', 'tcpaConsent'] as const;
  const timeZone = await readAnswerZone(actor.user, formData);
  switch (added.reason) {
    case 'confirm_first':
      redirect(confirmFirst);
    case 'needs_link':
    case 'recovered_lately':
      return answerForm({ message: explainChange(added, context.now, timeZone) }, formData, kept);
    case 'same_number':
      redirect('/users/verify-phone');
    case 'changed_meanwhile':
      redirect(here);
    default:
      return answerForm({ message: saySendRefusal(added, context.now, timeZone) }, formData, kept);
  }
}

/** Texts the code that turns codes by text on. */
export async function beginSmsAction(
  _state: FormState<TextCodeField>,
  formData: FormData,
): Promise<FormState<TextCodeField>> {
  const actor = await readEnrollingActor<TextCodeField>(here);
  if (!actor.ok) return actor.answer;
  const consent = readCodesConsent(formData, here);
  if (!consent.ok) return consent.answer;
  const context = await readRequestContext();
  const begun = await beginSmsFactor(db(), actor.user, context, consent.agreedOn);
  if (begun.ok) redirect(`${here}?saved=sms-begun#texts`);
  const timeZone = await readAnswerZone(actor.user, formData);
  switch (begun.reason) {
    case 'confirm_first':
      redirect(confirmFirst);
    case 'needs_link':
      return answerForm({ message: explainChange({ reason: begun.reason }, context.now, timeZone) });
    case 'not_for_admins':
      return answerForm({ message: notForAdmins });
    default:
      return answerTextCode({ ...begun, ok: false }, context.now, timeZone);
  }
}

/** Turns codes by text on, by the first of them. */
export async function finishSmsAction(
  _state: FormState<'code'>,
  formData: FormData,
): Promise<FormState<'code'>> {
  const actor = await readEnrollingActor<'code'>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(codeForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const context = await readRequestContext();
  const finished = await finishSmsFactor(db(), actor.user, form.fields.code, context);
  if (finished.ok) redirect(`${here}?saved=sms`);
  const timeZone = await readAnswerZone(actor.user, formData);
  switch (finished.reason) {
    case 'confirm_first':
      redirect(confirmFirst);
    case 'not_for_admins':
      return answerForm({ message: notForAdmins });
    case 'not_a_code':
    case 'wrong_code':
    case 'paused':
    case 'shut':
      return answerForm(explainFactor(finished, 'code', context.now, timeZone));
    default:
      return answerForm({ message: explainChange(finished, context.now, timeZone) });
  }
}

/** Turns codes by text off. */
export async function removeSmsAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>(here);
  if (!actor.ok) return actor.answer;
  const context = await readRequestContext();
  const removed = await dropSmsFactor(db(), actor.user, context);
  if (removed.ok || removed.reason === 'refused') redirect(`${here}?saved=sms-removed`);
  if (removed.reason === 'confirm_first') redirect(confirmFirst);
  return answerForm({
    message: explainChange(removed, context.now, await readAnswerZone(actor.user, formData)),
  });
}
