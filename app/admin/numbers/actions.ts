'use server';

import { redirect } from 'next/navigation';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { readPersonTimeZone } from '@/app/users/person-time-zone';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { releaseNumberOf } from '@/lib/auth/release-number';
import { readRequestContext, requireRole } from '@/lib/auth/session';

const here = '/admin/numbers';

/** Takes a protected number off its holder, against the admin's own password. */
export async function releaseNumberAction(
  _state: FormState<'currentPassword' | 'proof'>,
  formData: FormData,
): Promise<FormState<'currentPassword' | 'proof'>> {
  const admin = await requireRole(here, 'admin');
  const currentPassword = readField(formData, 'currentPassword');
  if (currentPassword === '') {
    return answerForm({ fieldErrors: { currentPassword: 'Enter your password.' } });
  }
  const proof = readField(formData, 'proof');
  const proofId = /^\d{1,15}$/.test(proof) ? Number(proof) : 0;
  const context = await readRequestContext();
  const released = await releaseNumberOf(db(), admin, { proofId, currentPassword }, context);
  if (!released.ok && isAboutPassword(released)) {
    return answerForm(explainPassword(released, context.now, await readPersonTimeZone(admin)));
  }
  redirect(`${here}?saved=${released.ok ? 'released' : 'settled'}`);
}
