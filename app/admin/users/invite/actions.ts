'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { reason } from '@/app/_forms/reason';
import { sayWhen } from '@/app/_format/say-when';
import { askToConfirm, sessionOver } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import type { AdminActionField } from '@/components/forms/staff/AdminActionForm';
import type { FormState } from '@/components/forms/form-state';
import type { InviteField } from '@/components/forms/staff/InviteForm';
import { db } from '@/db/client';
import { invitePerson, withdrawInvitation, type InviteRefusal } from '@/lib/auth/admin/invite';
import { registrationSchema } from '@/lib/auth/registration/register-input';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { peoplePath } from '../people-query';
import { chosenRole } from '../role-field';

const here = '/admin/users/invite';

const { email, name } = registrationSchema.shape;
const inviteForm = z.object({ email, name, role: chosenRole, reason });
const withdrawForm = z.object({ invitation: text, reason });

const kept = ['email', 'name', 'role', 'reason'] as const;

/** Invites someone by mail. */
export async function inviteAction(
  _state: FormState<InviteField>,
  formData: FormData,
): Promise<FormState<InviteField>> {
  const admin = await requireRole(here, 'admin');
  const form = readForm(inviteForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const context = await readRequestContext();
  const invited = await invitePerson(db(), admin, form.fields, context);
  if (invited.ok) redirect(`${here}?saved=invited`);
  const answer = explain(invited, context.now, await readAnswerZone(admin, formData));
  return answerForm<InviteField>(answer, formData, kept);
}

/** Takes an open invitation back. */
export async function withdrawAction(
  _state: FormState<AdminActionField>,
  formData: FormData,
): Promise<FormState<AdminActionField>> {
  const admin = await requireRole(here, 'admin');
  const form = readForm(withdrawForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['reason']);
  const context = await readRequestContext();
  const { invitation: invitationId, ...given } = form.fields;
  const done = await withdrawInvitation(db(), admin, { invitationId, ...given }, context);
  if (!done.ok && done.reason === 'confirm_first') return answerForm(askToConfirm, formData, ['reason']);
  redirect(`${here}?saved=${done.ok ? 'withdrawn' : 'over'}`);
}

function explain(
  refusal: InviteRefusal,
  now: Date,
  timeZone: string | null,
): Partial<FormState<InviteField>> {
  switch (refusal.reason) {
    case 'confirm_first':
      return askToConfirm;
    case 'not_open':
      return { message: sessionOver };
    case 'mail_off':
      return { message: 'This site cannot send mail, so nobody can be invited.' };
    case 'not_admin':
      return { message: 'You are no longer an admin. Nothing was sent.' };
    case 'email_taken':
      return {
        fieldErrors: { email: 'This email has an account already. You can give that account another role.' },
        link: { href: `${peoplePath}/${refusal.userId}`, words: 'See the account in a new tab' },
      };
    case 'mail_limit':
      return {
        message: `Many emails went to this address or from your network lately. You can send the next one ${sayWhen(refusal.retryAt, now, timeZone)}.`,
      };
  }
}
