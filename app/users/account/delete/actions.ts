'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { currentPasswordOf } from '@/app/_forms/current-password';
import { readForm, ticked } from '@/app/_forms/read-form';
import { sayWhen } from '@/app/_format/say-when';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { DeleteAccountField } from '@/components/forms/settings/DeleteAccountForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { forgetSession, readRequestContext } from '@/lib/auth/sign-in/session';

const deleteForm = (user: SessionUser) =>
  z.object({
    confirmDelete: ticked('Check this box to confirm.'),
    currentPassword: currentPasswordOf(user),
  });

/** Deletes the account against a tick and the password, and signs this browser out. */
export async function deleteAccountAction(
  _state: FormState<DeleteAccountField>,
  formData: FormData,
): Promise<FormState<DeleteAccountField>> {
  const actor = await readActor<DeleteAccountField>('/users/account/delete', formData, ['confirmDelete']);
  if (!actor.ok) return actor.answer;
  const form = readForm(deleteForm(actor.user), formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['confirmDelete']);
  const { currentPassword } = form.fields;
  const context = await readRequestContext();
  const deleted = await deleteAccount(db(), actor.user, { currentPassword, confirmed: true }, context);
  if (deleted.ok || deleted.reason === 'gone') {
    await forgetSession();
    redirect('/users/account/deleted');
  }
  if (isAboutPassword(deleted)) {
    const words = explainPassword(deleted, context.now, await readAnswerZone(actor.user, formData));
    return answerForm(words, formData, ['confirmDelete']);
  }
  if (deleted.reason === 'not_confirmed') {
    return answerForm({ fieldErrors: { confirmDelete: 'Check this box to confirm.' } });
  }
  if (deleted.reason === 'recovered_lately') {
    const when = sayWhen(deleted.retryAt, context.now, await readAnswerZone(actor.user, formData));
    const message = `Your password was reset lately. To protect the account, it can be deleted ${when}. Nothing was changed.`;
    return answerForm({ message }, formData, ['confirmDelete']);
  }
  return answerForm({
    message: 'You are the only admin. Make someone else an admin first.',
  });
}
