'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { reason } from '@/app/_forms/reason';
import { revealAnswers } from '@/app/admin/reveal-words';
import { askToConfirm } from '@/app/users/password-words';
import type { AdminActionField } from '@/components/forms/staff/AdminActionForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { manageAccount, type AccountChange } from '@/lib/auth/admin/manage-account';
import { revealPerson } from '@/lib/auth/admin/reveal-contact';
import { formatPhone } from '@/lib/phone/parse';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { peoplePath } from '../people-query';
import { chosenRole } from '../role-field';
import { handOn, refusalWords } from './account-change-words';

/** Shows the number of a person, this once, to an admin who has shown who they are. */
export async function revealPersonAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const admin = await requireRole(peoplePath, 'admin');
  const form = readForm(z.object({ userId: text }), formData);
  const userId = form.ok ? form.fields.userId : '';
  const revealed = await revealPerson(db(), admin, userId, await readRequestContext());
  if (!revealed.ok) return answerForm(revealAnswers[revealed.reason]);
  return answerForm({ ...revealAnswers.revealed, shown: formatPhone(revealed.phone) });
}

type Answer = Promise<FormState<AdminActionField>>;

const changeForm = z.object({ userId: text, reason });
const roleForm = changeForm.extend({ role: chosenRole });

export async function changeRoleAction(_state: FormState<AdminActionField>, formData: FormData): Answer {
  const admin = await requireRole(peoplePath, 'admin');
  const form = readForm(roleForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['role', 'reason']);
  return answerChange(admin, formData, { do: 'change_role', role: form.fields.role }, 'role');
}

export async function deactivateAction(_state: FormState<AdminActionField>, formData: FormData): Answer {
  const admin = await requireRole(peoplePath, 'admin');
  return answerChange(admin, formData, { do: 'deactivate' }, 'deactivated');
}

export async function reactivateAction(_state: FormState<AdminActionField>, formData: FormData): Answer {
  const admin = await requireRole(peoplePath, 'admin');
  return answerChange(admin, formData, { do: 'reactivate' }, 'reactivated');
}

export async function endSessionsAction(_state: FormState<AdminActionField>, formData: FormData): Answer {
  const admin = await requireRole(peoplePath, 'admin');
  return answerChange(admin, formData, { do: 'end_sessions' }, 'sessions');
}

export async function unlockAction(_state: FormState<AdminActionField>, formData: FormData): Answer {
  const admin = await requireRole(peoplePath, 'admin');
  return answerChange(admin, formData, { do: 'unlock' }, 'unlocked');
}

export async function resetFactorsAction(_state: FormState<AdminActionField>, formData: FormData): Answer {
  const admin = await requireRole(peoplePath, 'admin');
  return answerChange(admin, formData, { do: 'reset_factors' }, 'factors');
}

export async function sendEnrollLinkAction(_state: FormState<AdminActionField>, formData: FormData): Answer {
  const admin = await requireRole(peoplePath, 'admin');
  return answerChange(admin, formData, { do: 'send_enroll_link' }, 'enroll_link');
}

/**
 * Does what was asked, and goes back to the person's page, which then says `saved`. A link to be handed on is shown right there,
 * this once.
 */
async function answerChange(
  admin: Awaited<ReturnType<typeof requireRole>>,
  formData: FormData,
  change: AccountChange,
  saved: string,
): Answer {
  const form = readForm(changeForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['role', 'reason']);
  const { userId } = form.fields;
  const context = await readRequestContext();
  const done = await manageAccount(db(), admin, { ...form.fields, change }, context);
  if (done.ok && done.enroll?.by === 'hand') {
    refresh();
    return answerForm({ tone: 'success', message: handOn, shown: done.enroll.url });
  }
  if (done.ok)
    redirect(`${peoplePath}/${userId}?saved=${done.enroll ? `${saved}_${done.enroll.by}` : saved}`);
  const answer = done.reason === 'confirm_first' ? askToConfirm : { message: refusalWords[done.reason] };
  return answerForm<AdminActionField>(answer, formData, ['role', 'reason']);
}
