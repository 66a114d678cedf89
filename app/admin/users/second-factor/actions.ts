'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { reason } from '@/app/_forms/reason';
import { askToConfirm, sessionOver } from '@/app/users/password-words';
import type { AdminActionField } from '@/components/forms/staff/AdminActionForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { graceRoles, longestGraceDays, setGrace } from '@/lib/auth/admin/second-factor-grace';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';

const here = '/admin/users/second-factor';

const daysError = `Enter a whole number from 0 to ${longestGraceDays}.`;
const graceForm = z.object({
  about: z.enum(graceRoles),
  days: text
    .trim()
    .regex(/^[0-9]{1,2}$/, daysError)
    .transform(Number),
  reason,
});

/** Gives the people of a role time to set up a second factor, or ends it. */
export async function setGraceAction(
  _state: FormState<AdminActionField>,
  formData: FormData,
): Promise<FormState<AdminActionField>> {
  const admin = await requireRole(here, 'admin');
  const kept = ['days', 'reason'] as const;
  const form = readForm(graceForm, formData);
  if (!form.ok) {
    const { days, reason: reasonError } = form.fieldErrors;
    return answerForm({ fieldErrors: { days, reason: reasonError } }, formData, kept);
  }
  const { about: role, ...given } = form.fields;
  const done = await setGrace(db(), admin, { role, ...given }, await readRequestContext());
  if (done.ok) redirect(`${here}?saved=${given.days === 0 ? 'ended' : 'given'}`);
  switch (done.reason) {
    case 'wrong_days':
      return answerForm({ fieldErrors: { days: daysError } }, formData, kept);
    case 'confirm_first':
      return answerForm(askToConfirm, formData, kept);
    case 'not_open':
      return answerForm({ message: sessionOver }, formData, kept);
    case 'not_admin':
      return answerForm({ message: 'You are no longer an admin. Nothing was changed.' }, formData, kept);
  }
}
