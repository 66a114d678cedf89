'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import { readKnownBrowserCookie, rememberBrowser } from '@/app/_cookies/known-browser-cookie';
import { setTrustedDeviceCookie } from '@/app/_cookies/trusted-device-cookie';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { box, readForm, required, text } from '@/app/_forms/read-form';
import { safePath } from '@/app/_forms/safe-path';
import { explainFactor, type FactorField } from '@/app/users/factor-words';
import { answerTextCode, readCodesConsent } from '@/app/users/text-code-answer';
import type { TextCodeField } from '@/components/forms/factors/TextCodeForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRequestContext, signInWithGrant } from '@/lib/auth/sign-in/session';
import type { GivenFactor } from '@/lib/auth/two-factor/prove-factor';
import { textSecondStep } from '@/lib/auth/two-factor/sms-factor';
import { giveSecondFactor } from '@/lib/auth/two-factor/second-factor';
import { leadToSignIn, requireFirstStep } from './first-step';

const codeForm = z.object({ code: required('Enter the code.'), trustDevice: box, next: text });
const recoveryForm = z.object({ recoveryCode: required('Enter a recovery code.'), next: text });
const passkeyForm = z.object({ passkey: text, next: text });

const afterRecovery = '/users/security/two-factor?saved=recovered';

/** Hears a code of the authenticator app, or of a text. */
export async function giveCodeAction(
  _state: FormState<'code'>,
  formData: FormData,
): Promise<FormState<'code'>> {
  const token = await requireFirstStep(readField(formData, 'next'));
  const form = readForm(codeForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { code, trustDevice, next } = form.fields;
  return give(token, { kind: 'code', code }, 'code', { trust: trustDevice, next });
}

/** Hears one of the recovery codes, which is used up by it. */
export async function giveRecoveryCodeAction(
  _state: FormState<'recoveryCode'>,
  formData: FormData,
): Promise<FormState<'recoveryCode'>> {
  const token = await requireFirstStep(readField(formData, 'next'));
  const form = readForm(recoveryForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { recoveryCode, next } = form.fields;
  return give(token, { kind: 'recovery_code', code: recoveryCode }, 'recoveryCode', { trust: false, next });
}

/** Hears a passkey. */
export async function givePasskeyAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const token = await requireFirstStep(readField(formData, 'next'));
  const form = readForm(passkeyForm, formData);
  if (!form.ok) return answerForm({});
  const { passkey, next } = form.fields;
  return give(token, { kind: 'passkey', answer: passkey }, 'passkey', { trust: false, next });
}

/** Texts a code to the number that is the second factor. */
export async function textCodeAction(
  _state: FormState<TextCodeField>,
  formData: FormData,
): Promise<FormState<TextCodeField>> {
  const token = await requireFirstStep(readField(formData, 'next'));
  const consent = readCodesConsent(formData, '/users/login/second-factor');
  if (!consent.ok) return consent.answer;
  const context = await readRequestContext();
  const texted = await textSecondStep(db(), token, context, consent.agreedOn);
  if (!texted.ok && texted.reason === 'over') leadToSignIn(readField(formData, 'next'));
  return answerTextCode(texted, context.now, null);
}

async function give<Field extends FactorField>(
  token: string,
  given: GivenFactor,
  field: Field,
  { trust, next }: { trust: boolean; next: string },
): Promise<FormState<Field>> {
  const context = await readRequestContext();
  const knownBrowser = await readKnownBrowserCookie();
  const signedIn = await giveSecondFactor(db(), { token, given, trust, knownBrowser }, context);
  if (!signedIn.ok) {
    if (signedIn.reason === 'over') leadToSignIn(next);
    // The next try needs another challenge, which the page brings.
    if (field === 'passkey') refresh();
    return answerForm(explainFactor(signedIn, field, context.now, null));
  }
  await rememberBrowser(signedIn.mark);
  if (signedIn.trustedDevice !== null) await setTrustedDeviceCookie(signedIn.trustedDevice);
  await clearPendingCookie();
  if (!(await signInWithGrant(signedIn.grant))) redirect('/users/login');
  const path = safePath(next);
  // Whoever used one has lost a device, or is about to find out.
  redirect(given.kind === 'recovery_code' && path === '/dashboard' ? afterRecovery : path);
}
