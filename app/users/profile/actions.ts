'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { currentPasswordOf } from '@/app/_forms/current-password';
import { readForm } from '@/app/_forms/read-form';
import { sayWhen } from '@/app/_format/say-when';
import { explainPassword, isAboutPassword, heldWords } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { EmailField } from '@/components/forms/settings/ProfileForms';
import { db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { requestEmailChange, type EmailChangeRefusal } from '@/lib/auth/settings/change-email';
import { changeName } from '@/lib/auth/settings/change-name';
import { registrationSchema } from '@/lib/auth/registration/register-input';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { sayEmailStays } from './email-words';

const here = '/users/profile';

const nameForm = z.object({ name: registrationSchema.shape.name });
const emailForm = (user: SessionUser) =>
  z.object({ email: registrationSchema.shape.email, currentPassword: currentPasswordOf(user) });

/** Saves the name that the person wants to be called by. */
export async function changeNameAction(
  _state: FormState<'name'>,
  formData: FormData,
): Promise<FormState<'name'>> {
  const actor = await readActor<'name'>(here, formData, ['name']);
  if (!actor.ok) return actor.answer;
  const form = readForm(nameForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['name']);
  const context = await readRequestContext();
  const changed = await changeName(db(), actor.user.userId, form.fields.name, context);
  if (changed.ok) redirect(`${here}?saved=name`);
  if (changed.reason === 'busy') return answerForm({ message: heldWords }, formData, ['name']);
  const when = sayWhen(changed.retryAt, context.now, await readAnswerZone(actor.user, formData));
  const message = `Not saved: you have changed your name many times. You can change it again ${when}. What you typed is still below.`;
  return answerForm({ message }, formData, ['name']);
}

/** Sends a link to the address that is to be the person's, against the password. */
export async function changeEmailAction(
  _state: FormState<EmailField>,
  formData: FormData,
): Promise<FormState<EmailField>> {
  const actor = await readActor<EmailField>(here, formData, ['email']);
  if (!actor.ok) return actor.answer;
  const form = readForm(emailForm(actor.user), formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['email']);
  const context = await readRequestContext();
  const requested = await requestEmailChange(db(), actor.user, form.fields, context);
  if (requested.ok) redirect(`${here}?saved=link-sent`);
  const timeZone = await readAnswerZone(actor.user, formData);
  return answerForm(explain(requested, context.now, timeZone), formData, ['email']);
}

function explain(
  refusal: EmailChangeRefusal,
  now: Date,
  timeZone: string | null,
): Partial<FormState<EmailField>> {
  if (isAboutPassword(refusal)) return explainPassword(refusal, now, timeZone);
  switch (refusal.reason) {
    case 'same_email':
      return { fieldErrors: { email: 'This is already your email.' } };
    case 'mail_off':
      return { message: 'We cannot send email right now. Nothing was changed.' };
    case 'mail_limit':
      return {
        message: `We have sent a few emails to this address or for your network already. Nothing was changed. You can ask for another ${sayWhen(refusal.retryAt, now, timeZone)}.`,
      };
    case 'recovered_lately':
      return { message: sayEmailStays(refusal.retryAt, now, timeZone) };
  }
}
