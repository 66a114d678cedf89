'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { rememberBrowser } from '@/app/_cookies/known-browser-cookie';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { sayWhen } from '@/app/_format/say-when';
import type { AcceptField } from '@/components/forms/entry/AcceptInvitationForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { passwordErrors } from '@/lib/accounts/password-strength';
import { acceptInvitation, type AcceptRefusal } from '@/lib/auth/admin/accept-invitation';
import { registrationSchema } from '@/lib/auth/registration/register-input';
import { readRequestContext, signInWithGrant } from '@/lib/auth/sign-in/session';
import { invitationWords } from './invitation-words';

const { name, password, timeZone } = registrationSchema.shape;
const acceptForm = z.object({ link: text, name, password, timeZone });

/** Opens the account that someone was invited to, and signs them in. */
export async function acceptInvitationAction(
  _state: FormState<AcceptField>,
  formData: FormData,
): Promise<FormState<AcceptField>> {
  const form = readForm(acceptForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['name']);
  const { link: token, ...chosen } = form.fields;
  const context = await readRequestContext();
  const accepted = await acceptInvitation(db(), { token, ...chosen }, context);
  if (!accepted.ok) return answerForm(explain(accepted, context.now), formData, ['name']);
  await rememberBrowser(accepted.mark);
  await clearPendingCookie();
  redirect((await signInWithGrant(accepted.grant)) ? '/dashboard' : '/users/login');
}

function explain(refusal: AcceptRefusal, now: Date): Partial<FormState<AcceptField>> {
  switch (refusal.reason) {
    case 'invitation': {
      const { title, words } = invitationWords[refusal.why];
      return { message: `${title}. ${words}` };
    }
    case 'password':
      return { fieldErrors: { password: passwordErrors[refusal.why] } };
    case 'busy':
      return {
        message:
          'A lot of people are registering right now. Nothing was lost. Send the form again in a moment.',
      };
    case 'too_many_requests':
      return {
        message: `There have been many registrations from your network. Nothing was lost. Try again ${sayWhen(refusal.retryAt, now)}.`,
      };
  }
}
