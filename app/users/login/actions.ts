'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import { readTrustedDeviceCookie, setTrustedDeviceCookie } from '@/app/_cookies/trusted-device-cookie';
import { readKnownBrowserCookie, rememberBrowser } from '@/app/_cookies/known-browser-cookie';
import { clearPendingCookie, readPendingCookie, setPendingCookie } from '@/app/_cookies/pending-cookie';
import { linkToForgotten } from '@/app/users/typed-email';
import { safePath } from '@/app/_forms/safe-path';
import { sayWhen } from '@/app/_format/say-when';
import { sayTriesLeft } from '@/app/users/password-words';
import type { FormState } from '@/components/forms/form-state';
import type { SignInField } from '@/components/forms/entry/SignInForm';
import { db } from '@/db/client';
import { endPendingToken } from '@/lib/accounts/pending';
import { endCurrentSession, readRequestContext, signInWithGrant } from '@/lib/auth/sign-in/session';
import type { EnrollMail } from '@/lib/auth/sign-in/enroll-link';
import { signIn, type SignInRefusal } from '@/lib/auth/sign-in/sign-in';

const signInForm = z.object({
  email: text.trim().min(1, { error: 'Enter your email address.' }),
  password: required('Enter your password.'),
  next: text,
});

/** Signs in; then where the person wanted to go, or the code page for a pending account. */
export async function signInAction(
  _state: FormState<SignInField>,
  formData: FormData,
): Promise<FormState<SignInField>> {
  const form = readForm(signInForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['email']);
  const { email, password, next } = form.fields;
  const context = await readRequestContext();
  const knownBrowser = await readKnownBrowserCookie();
  const trustedDevice = await readTrustedDeviceCookie();
  const signedIn = await signIn(db(), { email, password, knownBrowser, trustedDevice }, context);
  if (!signedIn.ok) {
    const link = isAboutToWait(signedIn) ? { link: linkToForgotten(email) } : {};
    return answerForm({ message: explain(signedIn, context.now), ...link }, formData, ['email']);
  }
  if (signedIn.next === 'second_factor') {
    await setPendingCookie(signedIn.pendingToken);
    redirect(secondFactorPath(next));
  }
  await rememberBrowser(signedIn.mark);
  if (signedIn.next === 'verify') {
    await setPendingCookie(signedIn.pendingToken);
    redirect('/users/verify-phone');
  }
  if (signedIn.trustedDevice !== null) await setTrustedDeviceCookie(signedIn.trustedDevice);
  await clearPendingCookie();
  if (!(await signInWithGrant(signedIn.grant))) {
    return answerForm({ message: 'Signing in took too long. Please try again.' }, formData, ['email']);
  }
  redirect(safePath(next));
}

/** The page that hears the second factor, and leads on to where the person wanted to go. */
function secondFactorPath(next: string): string {
  const path = safePath(next);
  return next === ''
    ? '/users/login/second-factor'
    : `/users/login/second-factor?next=${encodeURIComponent(path)}`;
}

/**
 * Signs this browser out, of a session and of a pending verification. The account goes on knowing it: that is for the next time.
 */
export async function signOutAction(): Promise<void> {
  const token = await readPendingCookie();
  if (token) await endPendingToken(db(), token);
  await clearPendingCookie();
  await endCurrentSession();
  redirect('/users/login?saved=signed-out');
}

/** Few tries are left, or none. */
function isAboutToWait(refusal: SignInRefusal): boolean {
  return (
    refusal.reason === 'too_many_passwords' || ('triesLeft' in refusal && refusal.triesLeft !== undefined)
  );
}

function explain(refusal: SignInRefusal, now: Date): string {
  switch (refusal.reason) {
    case 'wrong_credentials':
      return `This email and password do not match an account. Check both and try again.${
        refusal.triesLeft ? ` ${sayTriesLeft(refusal.triesLeft, now, null)}` : ''
      }`;
    case 'deactivated':
      return 'This account has been closed. Nothing in it was deleted. Contact us to have it reopened.';
    case 'must_enroll':
      return `Your account has to be protected by a second factor before it opens. ${sayHowToEnroll(refusal, now)}`;
    case 'busy':
      return 'A lot of people are signing in right now. Please try again in a moment.';
    case 'too_many_passwords':
      return `Too many wrong passwords. To protect the account, we ask you to try again ${sayWhen(refusal.retryAt, now)}. A browser in which you have signed in before may let you in sooner.`;
    case 'too_many_requests':
      return `There have been many requests from your network. Try again ${sayWhen(refusal.retryAt, now)}.`;
  }
}

function sayHowToEnroll(mail: EnrollMail, now: Date): string {
  if (mail.mailed) return 'We sent you an email with a link to set it up.';
  switch (mail.why) {
    case 'not_reached':
      return 'Ask an admin for a link to set it up.';
    case 'recovered_lately':
      return `The password was reset a short time ago, so we do not send a link by email yet: someone else may read your mail. Ask an admin for a link, or sign in again ${sayWhen(mail.retryAt, now)}.`;
    case 'mail_limit':
      return `We have sent you several links. Use the newest one, or sign in again ${sayWhen(mail.retryAt, now)} to get another.`;
  }
}
