'use server';

import { redirect } from 'next/navigation';
import { sayWhen } from '@/app/_format/say-when';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm } from '@/app/_forms/read-form';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { answerSignedOut, readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { NewApplicationField } from '@/components/forms/staff/NewApplicationForm';
import { db } from '@/db/client';
import { openForSomeone } from '@/lib/applications/write-application';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { applicationsPath } from '../applications-query';
import { asOperator } from '../as-operator';
import { keepTyped } from '../typed';
import { newApplicationInput } from './new-application-input';

/** Opens an application for someone who has no account. */
export async function openApplicationAction(
  _state: FormState<NewApplicationField>,
  formData: FormData,
): Promise<FormState<NewApplicationField>> {
  const here = `${applicationsPath}/new`;
  const actor = await readActor<NewApplicationField>(here, formData, ['name', 'title', 'message']);
  if (!actor.ok) return actor.answer;
  const user = asOperator(actor.user, 'staff', 'admin');
  const values = keepTyped(formData, ['name', 'title', 'message']);
  const form = readForm(newApplicationInput, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors, values });
  const context = await readRequestContext();
  const opened = await openForSomeone(db(), user, form.fields, context);
  if (opened.ok) redirect(`${applicationsPath}/${opened.id}?saved=opened`);
  if (opened.reason === 'not_open') return { ...answerSignedOut<NewApplicationField>(here), values };
  const when = sayWhen(opened.retryAt, context.now, await readAnswerZone(user, formData));
  return answerForm({
    message: `You have opened very many applications. You can open the next one ${when}. Nothing was saved. What you typed is still here.`,
    values,
  });
}
