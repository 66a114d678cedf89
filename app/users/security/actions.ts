'use server';

import { redirect } from 'next/navigation';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { rememberBrowser } from '@/app/_cookies/known-browser';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { ChangePasswordField } from '@/components/forms/ChangePasswordForm';
import type { FormState } from '@/components/forms/form-state';
import { passwordRefusals } from '@/components/inputs/password-verdict';
import { db } from '@/db/client';
import { changePassword } from '@/lib/auth/change-password';
import { endOthers, endOne } from '@/lib/auth/end-sessions';
import { readRequestContext } from '@/lib/auth/session';

const here = '/users/security';

/** Changes the password against the old one; every other session ends. */
export async function changePasswordAction(
  _state: FormState<ChangePasswordField>,
  formData: FormData,
): Promise<FormState<ChangePasswordField>> {
  const actor = await readActor<ChangePasswordField>(here);
  if (!actor.ok) return actor.answer;
  const currentPassword = readField(formData, 'currentPassword');
  const newPassword = readField(formData, 'newPassword');
  const fieldErrors: FormState<ChangePasswordField>['fieldErrors'] = {};
  if (currentPassword === '') fieldErrors.currentPassword = 'Enter your current password.';
  if (newPassword === '') fieldErrors.newPassword = 'Choose a new password.';
  if (currentPassword === '' || newPassword === '') return answerForm({ fieldErrors });
  const context = await readRequestContext();
  const changed = await changePassword(db(), actor.user, { currentPassword, newPassword }, context);
  if (changed.ok) {
    await rememberBrowser(changed.mark);
    redirect(`${here}?saved=password`);
  }
  if (isAboutPassword(changed)) {
    return answerForm(explainPassword(changed, context.now, await readPersonTimeZone(actor.user)));
  }
  if (changed.reason === 'changed_meanwhile') {
    return answerForm({
      message: 'Your password was changed in the meantime, perhaps in another tab. Nothing else has changed.',
    });
  }
  const words =
    changed.why === 'same_as_before'
      ? 'This is already your password. Choose a different one.'
      : passwordRefusals[changed.why].error;
  return answerForm({ fieldErrors: { newPassword: words } });
}

/** Ends one session of this person. */
export async function endSessionAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  const sessionId = readField(formData, 'sessionId');
  await endOne(db(), actor.user, sessionId, await readRequestContext());
  if (sessionId === actor.user.sessionId) redirect('/users/login');
  redirect(`${here}?saved=session`);
}

/** Ends every session of this person but this one. */
export async function endOtherSessionsAction(): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  await endOthers(db(), actor.user, await readRequestContext());
  redirect(`${here}?saved=sessions`);
}
