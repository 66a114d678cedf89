'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { currentPasswordOf } from '@/app/_forms/current-password';
import { readForm, required } from '@/app/_forms/read-form';
import { reason } from '@/app/_forms/reason';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import type { FormState } from '@/components/forms/form-state';
import type { OptOutField } from '@/components/forms/staff/OptOutForm';
import { db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { recordToldOptOut, toldChannels } from '@/lib/auth/admin/record-told-opt-out';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';

const here = '/staff/opt-outs';

const optOutForm = (user: SessionUser) =>
  z.object({
    phone: required('Enter the phone number.').max(64, { error: 'Enter one number only.' }),
    channel: z.enum(toldChannels, { error: 'Choose how they told you.' }),
    note: reason,
    currentPassword: currentPasswordOf(user),
  });

const kept = ['phone', 'channel', 'note'] as const;

/** Records an opt-out that came by phone, by letter or otherwise. */
export async function recordOptOutAction(
  _state: FormState<OptOutField>,
  formData: FormData,
): Promise<FormState<OptOutField>> {
  const user = await requireRole(here, 'broker', 'staff', 'admin');
  const form = readForm(optOutForm(user), formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const context = await readRequestContext();
  const recorded = await recordToldOptOut(db(), user, form.fields, context);
  if (recorded.ok) redirect(`${here}?saved=${recorded.isFirst ? 'stopped' : 'again'}`);
  if (isAboutPassword(recorded)) {
    const answer = explainPassword(recorded, context.now, await readAnswerZone(user, formData));
    return answerForm<OptOutField>(answer, formData, kept);
  }
  const answer =
    recorded.reason === 'not_a_number'
      ? {
          fieldErrors: {
            phone:
              'This is not a whole phone number. If it is not from here, start with + and the country code.',
          },
        }
      : { message: 'Your account may no longer do this. Nothing was recorded.' };
  return answerForm<OptOutField>(answer, formData, kept);
}
