'use server';

import { refresh } from 'next/cache';
import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import { readNumberForm } from '@/app/_forms/number-form';
import { saySendRefusal } from '@/app/_format/phone-words';
import { sayWhen } from '@/app/_format/say-when';
import { readAnswerZone } from '@/app/users/person-time-zone';
import type { CodeField } from '@/components/forms/code/CodeForm';
import type { FormState } from '@/components/forms/form-state';
import type { NumberField } from '@/components/forms/settings/NumberForm';
import { db } from '@/db/client';
import { readEnrollingUser, readRequestContext, signInWithGrant } from '@/lib/auth/sign-in/session';
import { formatPhone } from '@/lib/phone/parse';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { askBeforeNumber } from '@/app/users/password-words';
import { isFresh } from '@/lib/auth/two-factor/step-up';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { checkCode } from '@/lib/sms/verification/check-code';
import { type CheckRefusal } from '@/lib/sms/verification/check-code';
import { codeLife } from './text-words';
import { requireProver } from './require-prover';

const here = '/users/verify-phone';

const notACode = 'Enter all six digits of the code. This did not count as a try.';

const codeForm = z.object({ code: required(notACode), shownPhone: text });

/** Checks a code; right, it leads inside. Of a page that shows another number than the account has by now, no try is taken. */
export async function checkCodeAction(
  _state: FormState<CodeField>,
  formData: FormData,
): Promise<FormState<CodeField>> {
  const prover = await requireProver();
  const form = readForm(codeForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { code, shownPhone } = form.fields;
  if (shownPhone !== '' && shownPhone !== prover.phone) {
    if ((await headers()).has('next-action')) refresh();
    return answerForm({
      message: `Your number was changed in another tab${prover.phone === null ? '' : ` to ${formatPhone(prover.phone)}`}. The code that you entered was not for it, and did not count as a try.`,
    });
  }
  const context = await readRequestContext();
  const checked = await checkCode(db(), prover, code, context);
  if (!checked.ok) {
    // The rest of the page says how many tries are left, too; without JavaScript the page is made again anyway.
    if ((await headers()).has('next-action')) refresh();
    const timeZone = 'retryAt' in checked ? await readAnswerZone(prover, formData) : null;
    return answerForm({ fieldErrors: { code: explain(checked, context.now, timeZone) } });
  }
  await enter(checked.grant);
  // A pending account has its session only since then; an applicant needs no second factor.
  const user = prover.user ?? (prover.role === 'applicant' ? null : await readEnrollingUser());
  if (checked.proven && user?.standing === 'enroll') redirect('/users/security/two-factor?saved=phone#texts');
  redirect(`/dashboard?phone=${checked.proven ? 'verified' : 'protected'}`);
}

/** Sends the code again, or a first one. The page shows what became of it. */
export async function sendAgainAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const prover = await requireProver();
  if (prover.phone === null) redirect(here);
  const context = await readRequestContext();
  const sent = await sendCode(db(), { ...prover, phone: prover.phone }, context);
  if (!sent.ok)
    return answerForm({ message: saySendRefusal(sent, context.now, await readAnswerZone(prover, formData)) });
  redirect(here);
}

/**
 * Takes another number, with consent to texts at it, and sends a code there. Of someone signed in: in a session that has shown
 * within ten minutes whose it is, since a number can reset a password.
 */
export async function replaceNumberAction(
  _state: FormState<NumberField>,
  formData: FormData,
): Promise<FormState<NumberField>> {
  const prover = await requireProver();
  const form = readNumberForm(formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, form.keep);
  const context = await readRequestContext();
  if (prover.user !== null && !isFresh(prover.user, context.now)) {
    return answerForm(askBeforeNumber, formData, ['phone', 'tcpaConsent']);
  }
  const replaced = await replacePendingPhone(db(), prover, form.phone, context);
  if (!replaced.ok && !('retryAt' in replaced)) {
    redirect(replaced.reason === 'number_proven' ? '/dashboard' : here);
  }
  const refusal = replaced.ok ? replaced.refusal : replaced;
  if (refusal === null) redirect(here);
  const why = saySendRefusal(refusal, context.now, await readAnswerZone(prover, formData));
  if (!replaced.ok) return answerForm({ message: why }, formData, ['phone']);
  if (replaced.changed) {
    // The page names the number, and sends it along with a code.
    if ((await headers()).has('next-action')) refresh();
    return answerForm({ message: `Your number was changed, but no code could be sent. ${why}` });
  }
  return answerForm(
    refusal.reason === 'undeliverable'
      ? { fieldErrors: { phone: 'This is the number that cannot receive texts. Enter another one.' } }
      : { message: `This is the number you have, and no code was sent. ${why}` },
    formData,
    ['phone'],
  );
}

/** Opens a pending account without verification, where that is offered; for someone signed in, goes back. */
export async function continueWithoutAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const prover = await requireProver();
  if (prover.purpose === 'prove' || prover.phone === null) redirect('/dashboard');
  const context = await readRequestContext();
  const skipped = await skipVerification(db(), { ...prover, phone: prover.phone }, context);
  if (skipped.ok) {
    await enter(skipped.grant);
    redirect('/dashboard');
  }
  if (skipped.reason !== 'not_yet') {
    if (skipped.reason === 'changed_meanwhile') redirect(here);
    return answerForm({ message: 'This account cannot be opened without verifying its phone.' });
  }
  const when = sayWhen(skipped.retryAt, context.now, await readAnswerZone(prover, formData));
  return answerForm({ message: `You can continue without verifying ${when}.` });
}

async function enter(grant: string | null): Promise<void> {
  await clearPendingCookie();
  if (grant !== null && !(await signInWithGrant(grant))) redirect('/users/login');
}

function explain(refusal: CheckRefusal, now: Date, timeZone: string | null): string {
  switch (refusal.reason) {
    case 'not_a_code':
      return notACode;
    case 'wrong_code':
      return refusal.triesLeft > 0
        ? `${
            refusal.ofEarlierText
              ? 'That is the code of an earlier text. Use the one in the newest text.'
              : 'That code is not right.'
          } You have ${refusal.triesLeft === 1 ? '1 try' : `${refusal.triesLeft} tries`} left.`
        : 'That code is not right, and it was your last try. Send a new code.';
    case 'no_challenge':
      return 'This code no longer works. Send a new one.';
    case 'expired':
      return `This code has expired. ${codeLife} Send a new one.`;
    case 'tries_spent':
      return 'You have used all the tries for this code. Send a new one.';
    case 'number_locked':
      return refusal.byOthers
        ? `Other people entered wrong codes for this number. You can try again ${sayWhen(refusal.retryAt, now, timeZone)}, or continue without verifying it.`
        : `Too many wrong codes were entered for this number. You can try again ${sayWhen(refusal.retryAt, now, timeZone)}.`;
    case 'too_many_requests':
      return `There have been many requests from your network. Try again ${sayWhen(refusal.retryAt, now, timeZone)}.`;
  }
}
