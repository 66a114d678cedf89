'use server';

import { redirect } from 'next/navigation';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { readKnownBrowserCookie, rememberBrowser } from '@/app/_cookies/known-browser';
import { clearPendingCookie, readPendingCookie, setPendingCookie } from '@/app/_cookies/pending';
import { safePath } from '@/app/_forms/safe-path';
import { sayWhen } from '@/app/_format/say-when';
import { sayTriesLeft } from '@/app/users/password-words';
import type { FormState } from '@/components/forms/form-state';
import type { SignInField } from '@/components/forms/SignInForm';
import { db } from '@/db/client';
import { endPendingToken } from '@/lib/accounts/pending';
import { endCurrentSession, readRequestContext, signInWithGrant } from '@/lib/auth/session';
import { signIn, type SignInRefusal } from '@/lib/auth/sign-in';

/** Signs in; then where the person wanted to go, or the code page for a pending account. */
export async function signInAction(
  _state: FormState<SignInField>,
  formData: FormData,
): Promise<FormState<SignInField>> {
  const email = readField(formData, 'email').trim();
  const password = readField(formData, 'password');
  const fieldErrors: FormState<SignInField>['fieldErrors'] = {};
  if (email === '') fieldErrors.email = 'Enter your email address.';
  if (password === '') fieldErrors.password = 'Enter your password.';
  if (email === '' || password === '') return answerForm({ fieldErrors }, formData, ['email']);
  const context = await readRequestContext();
  const knownBrowser = await readKnownBrowserCookie();
  const signedIn = await signIn(db(), { email, password, knownBrowser }, context);
  if (!signedIn.ok) return answerForm({ message: explain(signedIn, context.now) }, formData, ['email']);
  await rememberBrowser(signedIn.mark);
  if (signedIn.next === 'verify') {
    await setPendingCookie(signedIn.pendingToken);
    redirect('/users/verify-phone');
  }
  await clearPendingCookie();
  if (!(await signInWithGrant(signedIn.grant))) {
    return answerForm({ message: 'Signing in took too long. Please try again.' }, formData, ['email']);
  }
  redirect(safePath(readField(formData, 'next')));
}

/** Signs this browser out, of a session and of a pending verification. The account goes on knowing it: that is for the next time. */
export async function signOutAction(): Promise<void> {
  const token = await readPendingCookie();
  if (token) await endPendingToken(db(), token);
  await clearPendingCookie();
  await endCurrentSession();
  redirect('/users/login');
}

function explain(refusal: SignInRefusal, now: Date): string {
  switch (refusal.reason) {
    case 'wrong_credentials':
      return `This email and password do not match an account. Check both and try again.${
        refusal.triesLeft
          ? ` ${sayTriesLeft(refusal.triesLeft, now, null)} Not sure of your password? Open "Forgot your password?" below.`
          : ''
      }`;
    case 'deactivated':
      return 'This account has been closed. Nothing in it was deleted. Contact us to have it reopened.';
    case 'busy':
      return 'A lot of people are signing in right now. Please try again in a moment.';
    case 'too_many_passwords':
      return `Too many wrong passwords. To protect the account, we ask you to try again ${sayWhen(refusal.retryAt, now)}. A browser in which you have signed in before may let you in sooner. If you cannot wait, open "Forgot your password?" below.`;
    case 'too_many_requests':
      return `There have been many requests from your network. Try again ${sayWhen(refusal.retryAt, now)}.`;
  }
}
