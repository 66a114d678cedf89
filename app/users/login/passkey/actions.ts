'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { readKnownBrowserCookie, rememberBrowser } from '@/app/_cookies/known-browser-cookie';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { safePath } from '@/app/_forms/safe-path';
import { explainPasskeySignIn } from '@/app/users/factor-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRequestContext, signInWithGrant } from '@/lib/auth/sign-in/session';
import { signInByPasskey } from '@/lib/auth/two-factor/second-factor';

const passkeyForm = z.object({ passkey: text, next: text });

/** Signs in by a passkey alone; then where the person wanted to go. */
export async function signInByPasskeyAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const form = readForm(passkeyForm, formData);
  if (!form.ok) return answerForm({});
  const { passkey: answer, next } = form.fields;
  const context = await readRequestContext();
  const knownBrowser = await readKnownBrowserCookie();
  const signedIn = await signInByPasskey(db(), { answer, knownBrowser }, context);
  if (!signedIn.ok) return answerForm({ message: explainPasskeySignIn(signedIn, context.now) });
  await rememberBrowser(signedIn.mark);
  await clearPendingCookie();
  if (!(await signInWithGrant(signedIn.grant))) {
    return answerForm({ message: 'Signing in took too long. Please try again.' });
  }
  redirect(safePath(next));
}
