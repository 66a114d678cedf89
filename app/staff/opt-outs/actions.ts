'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { currentPasswordOf } from '@/app/_forms/current-password';
import { readForm, required } from '@/app/_forms/read-form';
import { reason } from '@/app/_forms/reason';
import { sayWhen } from '@/app/_format/say-when';
import { askToConfirm, explainPassword, isAboutPassword } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { answerSignedOut } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { OptOutField } from '@/components/forms/staff/OptOutForm';
import { db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { recordToldOptOut, toldChannels, type OptOutRefusal } from '@/lib/auth/admin/record-told-opt-out';
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
  if (recorded.reason === 'not_open') return answerSignedOut(here, formData, kept);
  const timeZone = await readAnswerZone(user, formData);
  return answerForm(explain(recorded, context.now, timeZone), formData, kept);
}

function explain(
  refusal: OptOutRefusal,
  now: Date,
  timeZone: string | null,
): Partial<FormState<OptOutField>> {
  if (isAboutPassword(refusal)) return explainPassword(refusal, now, timeZone);
  switch (refusal.reason) {
    case 'not_a_number':
      return {
        fieldErrors: {
          phone:
            'This is not a whole phone number. If it is not from here, start with + and the country code.',
        },
      };
    case 'nobodys_number':
      return {
        fieldErrors: {
          phone: 'No phone can have this number, and we have never texted it. Check its digits.',
        },
      };
    case 'confirm_each':
      return {
        message:
          'You have recorded many opt-outs within an hour. Each further one takes a second step of its own. Nothing was recorded, and what you typed is still here: confirm that it is you, then send it again.',
        link: askToConfirm.link,
      };
    case 'too_many_opt_outs':
      return {
        message: `You have recorded as many opt-outs as one person can within a day. You can record the next ${sayWhen(refusal.retryAt, now, timeZone)}. Do not let this one wait: an admin can record it now, and so can anyone else on your team. Texting STOP always works, too.`,
      };
    case 'not_staff':
      return { message: 'Your account may no longer do this. Nothing was recorded.' };
  }
}
