'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { readRecoveryCookie, setRecoveryCookie } from '@/app/_cookies/recovery-cookie';
import { readKnownBrowserCookie } from '@/app/_cookies/known-browser-cookie';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm } from '@/app/_forms/read-form';
import { sayWhen } from '@/app/_format/say-when';
import { pathToSent } from '@/app/users/typed-email';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { registrationSchema } from '@/lib/auth/registration/register-input';
import { requestRecoveryCode } from '@/lib/auth/recovery/reset-by-text';
import { requestReset } from '@/lib/auth/recovery/reset-password';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import type { RequestContext } from '@/lib/context';

const forgotForm = z.object({ email: registrationSchema.shape.email });

/** Sends a link to a new password, or a code where mail is off, with one answer for every address. */
export async function forgotPasswordAction(
  _state: FormState<'email'>,
  formData: FormData,
): Promise<FormState<'email'>> {
  const form = readForm(forgotForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['email']);
  const { email } = form.fields;
  const context = await readRequestContext();
  const knownBrowser = await readKnownBrowserCookie();
  const requested = await requestReset(db(), email, context, knownBrowser);
  if (requested.ok) redirect(pathToSent(email));
  const answer =
    requested.reason === 'mail_off'
      ? await askForCode({ email, knownBrowser }, context)
      : `We have sent a few emails to this address or for your network already. Look in the inbox and the spam folder. You can ask for another ${sayWhen(requested.retryAt, context.now)}.`;
  return answerForm({ message: answer }, formData, ['email']);
}

/** Where mail is off. Out: why no code was asked for; else it leads to where the code is entered. */
async function askForCode(
  { email, knownBrowser }: { email: string; knownBrowser: string | null },
  context: RequestContext,
): Promise<string> {
  const token = await readRecoveryCookie();
  const requested = await requestRecoveryCode(db(), { email, token, knownBrowser }, context);
  if (!requested.ok) {
    return `A few codes were asked for with this email, or from your network, already. Look at the texts on your phone. You can ask for another ${sayWhen(requested.retryAt, context.now)}.`;
  }
  await setRecoveryCookie(requested.token);
  redirect('/users/reset-password');
}
