'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { answerForm, readField, readFields } from '@/app/_forms/form-answer';
import { readConsentVersion } from '@/app/_forms/consent-version';
import { rememberBrowser } from '@/app/_cookies/known-browser-cookie';
import { clearPendingCookie, readPendingCookie, setPendingCookie } from '@/app/_cookies/pending-cookie';
import { sayPhoneRefusal } from '@/app/_format/phone-words';
import { sayWhen } from '@/app/_format/say-when';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRegistration, type RegistrationField } from '@/lib/auth/registration/register-input';
import { passwordErrors } from '@/lib/accounts/password-strength';
import { register, type RegisterRefusal } from '@/lib/auth/registration/register';
import { readRequestContext, signInWithGrant } from '@/lib/auth/sign-in/session';
import { readServedPhone } from '@/lib/phone/served';
import { linkWords } from '../../link-words';
import { linkToSignIn } from '../../typed-email';

const kept = ['email', 'name', 'phone', 'smsOptIn', 'verifyPhone', 'tcpaConsent'] as const;

/** Registers an applicant; then the code page, or the dashboard. */
export async function registerAction(
  _state: FormState<RegistrationField>,
  formData: FormData,
): Promise<FormState<RegistrationField>> {
  const form = readRegistration(readFields(formData));
  if (!form.ok) {
    const fieldErrors = { ...checkPhone(readField(formData, 'phone')), ...form.fieldErrors };
    return answerForm({ fieldErrors }, formData, kept);
  }
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
  const claim = readField(formData, 'link') || null;
  const pendingToken = await readPendingCookie();
  const registered = await register(db(), form.input, context, { claim, pendingToken });
  if (!registered.ok) return answerForm(explain(registered, form.input.email, context.now), formData, kept);
  await rememberBrowser(registered.mark);
  if (registered.next === 'verify') {
    await setPendingCookie(registered.pendingToken);
    redirect('/users/verify-phone');
  }
  await clearPendingCookie();
  // Agreeing without asking for texts grants nothing, and the dashboard says so.
  const dashboard = form.input.tcpaConsent && !form.input.smsOptIn ? '/dashboard?texts=none' : '/dashboard';
  redirect((await signInWithGrant(registered.grant)) ? dashboard : '/users/login');
}

/** What is wrong with the phone beside what the form alone can tell, so that it is said with the rest and not in a second round. */
function checkPhone(typed: string): FormState<RegistrationField>['fieldErrors'] {
  const phone = typed.trim() === '' ? null : readServedPhone(typed);
  return phone === null || phone.ok ? {} : { phone: sayPhoneRefusal(phone.reason) };
}

function explain(refusal: RegisterRefusal, email: string, now: Date): Partial<FormState<RegistrationField>> {
  switch (refusal.reason) {
    case 'email_taken':
      return {
        fieldErrors: { email: 'This email has an account. Sign in, or use another email.' },
        link: linkToSignIn(email),
      };
    case 'email_unproven':
      return {
        message: sayUnproven(refusal.mailRetryAt, now),
        fieldErrors: { email: 'This email has an account.' },
        link: linkToSignIn(email),
      };
    case 'claim': {
      if (refusal.why === 'other_email') {
        return { fieldErrors: { email: 'The link in the email was for another address. Use that one.' } };
      }
      const { title, words } = linkWords[refusal.why];
      return { message: `${title}. ${words}` };
    }
    case 'password':
      return { fieldErrors: { password: passwordErrors[refusal.why] } };
    case 'phone':
      return { fieldErrors: { phone: sayPhoneRefusal(refusal.why) } };
    case 'phone_missing':
      return { fieldErrors: { phone: sayPhoneRefusal('empty') } };
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

function sayUnproven(mailRetryAt: Date | null, now: Date): string {
  const known = 'This email has an account, but nobody has confirmed that the email is theirs.';
  return mailRetryAt === null
    ? `${known} If you made it, sign in. If not, open the link that we have just sent to this address: there you can create your own.`
    : `${known} If you made it, sign in. If not, open the link that we sent to this address before. We can send another ${sayWhen(mailRetryAt, now)}.`;
}
