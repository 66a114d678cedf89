'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import { sayWhen } from '@/app/_format/say-when';
import { rememberBrowser } from '@/app/_cookies/known-browser-cookie';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { ChangePasswordField } from '@/components/forms/settings/ChangePasswordForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { passwordErrors } from '@/lib/accounts/password-strength';
import { changePassword } from '@/lib/auth/settings/change-password';
import { endOthers, endOne } from '@/lib/auth/sign-in/end-sessions';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { isFresh } from '@/lib/auth/two-factor/step-up';
import type { RequestContext } from '@/lib/context';
import type { SessionUser } from '@/lib/accounts/sessions';
import { isId } from '@/lib/random';

const here = '/users/security';

const confirmFirst = `${here}/confirm?next=${encodeURIComponent(`${here}?confirmed=sessions`)}`;

const passwordForm = z.object({
  currentPassword: required('Enter your current password.'),
  newPassword: required('Choose a new password.'),
});

const sessionForm = z.object({ sessionId: text.refine(isId) });

/** Changes the password against the old one; every other session ends. */
export async function changePasswordAction(
  _state: FormState<ChangePasswordField>,
  formData: FormData,
): Promise<FormState<ChangePasswordField>> {
  const actor = await readActor<ChangePasswordField>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(passwordForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const context = await readRequestContext();
  const changed = await changePassword(db(), actor.user, form.fields, context);
  if (changed.ok) {
    await rememberBrowser(changed.mark);
    redirect(`${here}?saved=password`);
  }
  if (isAboutPassword(changed)) {
    return answerForm(explainPassword(changed, context.now, await readAnswerZone(actor.user, formData)));
  }
  if (changed.reason === 'too_many_changes') {
    const when = sayWhen(changed.retryAt, context.now, await readAnswerZone(actor.user, formData));
    return answerForm({
      message: `You have changed your password many times. You can change it again ${when}.`,
    });
  }
  if (changed.reason === 'changed_meanwhile') {
    return answerForm({
      message: 'Your password was changed in the meantime, perhaps in another tab. Nothing else has changed.',
    });
  }
  const words =
    changed.why === 'same_as_before'
      ? 'This is already your password. Choose a different one.'
      : passwordErrors[changed.why];
  return answerForm({ fieldErrors: { newPassword: words } });
}

/**
 * Leads whoever has not shown within ten minutes that it is them to do so (OWASP ASVS 5.0 7.5.2): with a copied cookie alone, a thief
 * would end each new session of the owner.
 */
function requireFresh(user: SessionUser, { now }: RequestContext): void {
  if (!isFresh(user, now)) redirect(confirmFirst);
}

/** Ends one session of this person; for one that is not this browser's they have to show that it is them. */
export async function endSessionAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(sessionForm, formData);
  if (!form.ok) redirect(here);
  const { sessionId } = form.fields;
  const context = await readRequestContext();
  const isOwn = sessionId === actor.user.sessionId;
  if (!isOwn) requireFresh(actor.user, context);
  await endOne(db(), actor.user, sessionId, context);
  if (isOwn) redirect('/users/login');
  redirect(`${here}?saved=session`);
}

/** Ends every session of this person but this one, for who has shown that it is them. */
export async function endOtherSessionsAction(): Promise<FormState<never>> {
  const actor = await readActor<never>(here);
  if (!actor.ok) return actor.answer;
  const context = await readRequestContext();
  requireFresh(actor.user, context);
  await endOthers(db(), actor.user, context);
  redirect(`${here}?saved=sessions`);
}
