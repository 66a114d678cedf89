'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import { clearRecoveryCookie, readRecoveryCookie } from '@/app/_cookies/recovery-cookie';
import { sayWhen } from '@/app/_format/say-when';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import type { ResetField } from '@/components/forms/entry/ResetPasswordForm';
import type { FormState } from '@/components/forms/form-state';
import { passwordErrors } from '@/lib/accounts/password-strength';
import { db } from '@/db/client';
import { resetByText, type ResetByTextRefusal } from '@/lib/auth/recovery/reset-by-text';
import { resetPassword, type ResetRefusal } from '@/lib/auth/recovery/reset-password';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { linkWords } from '../link-words';
import { pathToReset } from '../typed-email';

const resetForm = z.object({
  newPassword: required('Choose a new password.'),
  link: text,
  code: text,
  email: text,
});

/**
 * Sets a new password by the link of a mail, or by the code of a text in the browser that asked for it; then to sign in with it.
 */
export async function resetPasswordAction(
  _state: FormState<ResetField>,
  formData: FormData,
): Promise<FormState<ResetField>> {
  const form = readForm(resetForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { newPassword, link, code, email } = form.fields;
  const context = await readRequestContext();
  let done = 'yes';
  if (link === '') {
    const token = await readRecoveryCookie();
    const reset = await resetByText(db(), { token, code, newPassword }, context);
    if (!reset.ok) return answerForm(explainText(reset, context.now));
    await clearRecoveryCookie();
  } else {
    const reset = await resetPassword(db(), { token: link, newPassword }, context);
    if (!reset.ok) return answerForm(explain(reset));
    if (reset.phoneTakenOff) done = 'phone';
  }
  await clearPendingCookie();
  redirect(pathToReset(done, email));
}

function explainText(refusal: ResetByTextRefusal, now: Date): Partial<FormState<ResetField>> {
  switch (refusal.reason) {
    case 'not_a_code':
      return { fieldErrors: { code: 'Enter all six digits of the code. This did not count as a try.' } };
    case 'wrong_code':
      return {
        fieldErrors: {
          code:
            refusal.triesLeft > 0
              ? `That code is not right. You have ${refusal.triesLeft === 1 ? '1 try' : `${refusal.triesLeft} tries`} left.`
              : 'That code is not right, and it was your last try. Your password was not changed. Ask for a new code.',
        },
      };
    case 'over':
      return {
        message:
          'This code no longer works: it ran out, was used, or was asked for in another browser. Your password was not changed. Ask for a new code.',
      };
    case 'too_many_codes':
      return {
        message: `Too many wrong codes were entered for this email. Your password was not changed. You can try again ${sayWhen(refusal.retryAt, now)}.`,
      };
    case 'too_many_requests':
      return {
        message: `There have been many requests from your network. Your password was not changed. Try again ${sayWhen(refusal.retryAt, now)}.`,
      };
    case 'new_password':
      return { fieldErrors: { newPassword: `${passwordErrors[refusal.why]} Your code still works.` } };
    case 'busy':
      return { message: busyWords };
  }
}

const busyWords = 'A lot of people are signing in right now. Nothing was changed. Try again in a moment.';

function explain(refusal: ResetRefusal): Partial<FormState<ResetField>> {
  switch (refusal.reason) {
    case 'new_password':
      return { fieldErrors: { newPassword: passwordErrors[refusal.why] } };
    case 'closed':
      return { message: 'This account has been closed, or has another email by now. Nothing was changed.' };
    case 'busy':
    case 'changed_meanwhile':
      return { message: busyWords };
    default: {
      const { title, words } = linkWords[refusal.reason];
      return { message: `${title}. ${words}` };
    }
  }
}
