'use server';

import { redirect } from 'next/navigation';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { DeleteAccountField } from '@/components/forms/DeleteAccountForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { deleteAccount } from '@/lib/auth/delete-account';
import { forgetSession, readRequestContext } from '@/lib/auth/session';

/** Deletes the account against a tick and the password, and signs this browser out. */
export async function deleteAccountAction(
  _state: FormState<DeleteAccountField>,
  formData: FormData,
): Promise<FormState<DeleteAccountField>> {
  const actor = await readActor<DeleteAccountField>('/users/account/delete', formData, ['confirmDelete']);
  if (!actor.ok) return actor.answer;
  const confirmed = readField(formData, 'confirmDelete') === 'on';
  const currentPassword = readField(formData, 'currentPassword');
  const fieldErrors: FormState<DeleteAccountField>['fieldErrors'] = {};
  if (!confirmed) fieldErrors.confirmDelete = 'Check this box to confirm.';
  if (currentPassword === '') fieldErrors.currentPassword = 'Enter your password.';
  if (!confirmed || currentPassword === '') return answerForm({ fieldErrors }, formData, ['confirmDelete']);
  const context = await readRequestContext();
  const deleted = await deleteAccount(db(), actor.user, { currentPassword, confirmed }, context);
  if (deleted.ok || deleted.reason === 'gone') {
    await forgetSession();
    redirect('/users/account/deleted');
  }
  if (isAboutPassword(deleted)) {
    const words = explainPassword(deleted, context.now, await readPersonTimeZone(actor.user));
    return answerForm(words, formData, ['confirmDelete']);
  }
  if (deleted.reason === 'not_confirmed') {
    return answerForm({ fieldErrors: { confirmDelete: 'Check this box to confirm.' } });
  }
  return answerForm({
    message: 'You are the only admin. Make someone else an admin first.',
  });
}
