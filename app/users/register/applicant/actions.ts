'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { answerForm, readFields } from '@/app/_forms/form-answer';
import { readConsentVersion } from '@/app/_forms/consent-version';
import { rememberBrowser } from '@/app/_cookies/known-browser';
import { clearPendingCookie, setPendingCookie } from '@/app/_cookies/pending';
import { phoneWords } from '@/app/_format/phone-words';
import { sayWhen } from '@/app/_format/say-when';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRegistration, type RegistrationField } from '@/lib/auth/register-input';
import type { PasswordRefusal } from '@/lib/accounts/password-strength';
import { register, type RegisterRefusal } from '@/lib/auth/register';
import { readRequestContext, signInWithGrant } from '@/lib/auth/session';

const kept = ['email', 'name', 'phone', 'smsOptIn', 'verifyPhone', 'tcpaConsent'] as const;

const passwordWords: Record<PasswordRefusal, string> = {
  too_short: 'This password is too short: use 8 characters or more.',
  too_long: 'This password is too long: use up to 128 characters.',
  common: 'This password is easy to guess, because many people use one like it. Choose another.',
  contains_identity:
    'This password is easy to guess, because it is close to your name or email. Choose another.',
};

/** Registers an applicant; then the code page, or the dashboard. */
export async function registerAction(
  _state: FormState<RegistrationField>,
  formData: FormData,
): Promise<FormState<RegistrationField>> {
  const form = readRegistration(readFields(formData));
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const consent = readConsentVersion(formData);
  if (!consent.ok && form.input.tcpaConsent) {
    // So that the text in force is the one that is shown.
    refresh();
    return answerForm({ fieldErrors: { tcpaConsent: consent.words } }, formData, [
      'email',
      'name',
      'phone',
      'smsOptIn',
      'verifyPhone',
    ]);
  }
  const context = await readRequestContext();
  const registered = await register(db(), form.input, context);
  if (!registered.ok) return answerForm(explain(registered, context.now), formData, kept);
  await rememberBrowser(registered.mark);
  if (registered.next === 'verify') {
    await setPendingCookie(registered.pendingToken);
    redirect('/users/verify-phone');
  }
  await clearPendingCookie();
  redirect((await signInWithGrant(registered.grant)) ? '/dashboard' : '/users/login');
}

function explain(refusal: RegisterRefusal, now: Date): Partial<FormState<RegistrationField>> {
  switch (refusal.reason) {
    case 'email_taken':
      return { fieldErrors: { email: 'This email has an account: sign in, or use another email.' } };
    case 'password':
      return { fieldErrors: { password: passwordWords[refusal.why] } };
    case 'phone':
      return { fieldErrors: { phone: phoneWords[refusal.why] } };
    case 'phone_missing':
      return { fieldErrors: { phone: phoneWords.empty } };
    case 'consent_missing':
      return { fieldErrors: { tcpaConsent: 'We need your agreement to text you.' } };
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
