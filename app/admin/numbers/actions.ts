'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { askToConfirm, sessionOver } from '@/app/users/password-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { releaseNumberOf } from '@/lib/auth/settings/release-number';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';

const here = '/admin/numbers';

const releaseForm = z.object({
  /** The id of the proof; 0, which is none, for what cannot be one. */
  proof: text
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .catch(0),
});

/** Takes a protected number off its holder, by an admin who has shown who they are. */
export async function releaseNumberAction(
  _state: FormState<'currentPassword' | 'proof'>,
  formData: FormData,
): Promise<FormState<'currentPassword' | 'proof'>> {
  const admin = await requireRole(here, 'admin');
  const form = readForm(releaseForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { proof: proofId } = form.fields;
  const context = await readRequestContext();
  const released = await releaseNumberOf(db(), admin, { proofId }, context);
  if (!released.ok && released.reason === 'confirm_first') return answerForm(askToConfirm);
  if (!released.ok && released.reason === 'not_open') return answerForm({ message: sessionOver });
  if (!released.ok && released.reason === 'not_admin') {
    return answerForm({ message: 'You are no longer an admin. Nothing was changed.' });
  }
  redirect(`${here}?saved=${released.ok ? 'released' : 'settled'}`);
}
