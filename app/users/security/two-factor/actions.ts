'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import { explainChange, explainPasskeyAdded } from '@/app/users/factor-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readEnrollingActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { endTrust } from '@/lib/auth/two-factor/end-trust';
import type { SessionUser } from '@/lib/accounts/sessions';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import type { FactorChangeRefusal } from '@/lib/auth/two-factor/change-factors';
import {
  beginRecoveryCodes,
  beginTotp,
  dropPasskey,
  dropTotp,
  enrollPasskey,
  finishRecoveryCodes,
  finishTotp,
} from '@/lib/auth/two-factor/enrollment';

const here = '/users/security/two-factor';

const passkeyForm = z.object({
  passkey: required('Your browser has made no passkey. Try again.'),
  passkeyName: text
    .trim()
    .min(1, { error: 'Enter a name.' })
    .max(50, { error: 'Use at most 50 characters.' }),
});
const removeForm = z.object({ passkeyId: text });
const codeForm = z.object({ code: required('Enter the code.') });
const recoveryForm = z.object({ recoveryCode: required('Enter one of the codes.') });
const trustForm = z.object({ deviceId: text });

const gone = 'It was removed already, perhaps in another tab.';

/** Adds a passkey that the browser has made. */
export async function addPasskeyAction(
  _state: FormState<'passkeyName'>,
  formData: FormData,
): Promise<FormState<'passkeyName'>> {
  const actor = await readEnrollingActor<'passkeyName'>(here, formData, ['passkeyName']);
  if (!actor.ok) return actor.answer;
  const form = readForm(passkeyForm, formData);
  if (!form.ok) {
    const { passkey: message, passkeyName } = form.fieldErrors;
    const fieldErrors = passkeyName === undefined ? {} : { passkeyName };
    return answerForm({ message, fieldErrors }, formData, ['passkeyName']);
  }
  const { passkey: answer, passkeyName: name } = form.fields;
  const added = await enrollPasskey(db(), actor.user, { answer, name }, await readRequestContext());
  if (added.ok) redirect(`${here}?saved=passkey`);
  if (added.reason !== 'refused') return answerChange(actor.user, added, formData);
  // The next try needs another challenge, which the page brings.
  refresh();
  return answerForm({ message: explainPasskeyAdded(added.why) });
}

/** Removes a passkey. */
export async function removePasskeyAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(removeForm, formData);
  if (!form.ok) redirect(here);
  const removed = await dropPasskey(db(), actor.user, form.fields.passkeyId, await readRequestContext());
  if (removed.ok) redirect(`${here}?saved=passkey-removed`);
  return removed.reason === 'refused'
    ? answerForm({ message: gone })
    : answerChange(actor.user, removed, formData);
}

/** Makes a key for an authenticator app, which the page then shows. */
export async function beginTotpAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>(here);
  if (!actor.ok) return actor.answer;
  const begun = await beginTotp(db(), actor.user, await readRequestContext());
  if (!begun.ok) return answerChange(actor.user, begun, formData);
  redirect(`${here}?saved=totp-begun#authenticator`);
}

/** Turns the authenticator app on by its first code. */
export async function finishTotpAction(
  _state: FormState<'code'>,
  formData: FormData,
): Promise<FormState<'code'>> {
  const actor = await readEnrollingActor<'code'>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(codeForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const finished = await finishTotp(db(), actor.user, form.fields.code, await readRequestContext());
  if (finished.ok) redirect(`${here}?saved=totp`);
  if (finished.reason !== 'refused') return answerChange(actor.user, finished, formData);
  const words =
    finished.why === 'not_a_code'
      ? 'The app shows six digits, such as 123456.'
      : 'This is not the code that the app shows right now. Check that your phone’s clock is set automatically, and enter the newest code.';
  return answerForm({ fieldErrors: { code: words } });
}

/** Removes the authenticator app. */
export async function removeTotpAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>(here);
  if (!actor.ok) return actor.answer;
  const removed = await dropTotp(db(), actor.user, await readRequestContext());
  if (removed.ok) redirect(`${here}?saved=totp-removed`);
  return removed.reason === 'refused'
    ? answerForm({ message: gone })
    : answerChange(actor.user, removed, formData);
}

/** Makes ten recovery codes, which the page then shows until one is typed back. */
export async function beginRecoveryCodesAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>(here);
  if (!actor.ok) return actor.answer;
  const begun = await beginRecoveryCodes(db(), actor.user, await readRequestContext());
  if (begun.ok) redirect(`${here}?saved=codes-begun#recovery-codes`);
  const { reason } = begun;
  if (reason !== 'no_factor') return answerChange(actor.user, { reason }, formData);
  return answerForm({ message: 'Set up a passkey or an authenticator app first.' });
}

/** Makes the recovery codes count, by one of them typed back. */
export async function finishRecoveryCodesAction(
  _state: FormState<'recoveryCode'>,
  formData: FormData,
): Promise<FormState<'recoveryCode'>> {
  const actor = await readEnrollingActor<'recoveryCode'>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(recoveryForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { recoveryCode } = form.fields;
  const finished = await finishRecoveryCodes(db(), actor.user, recoveryCode, await readRequestContext());
  if (finished.ok) redirect(`${here}?saved=codes`);
  if (finished.reason === 'refused') {
    return answerForm({
      fieldErrors: { recoveryCode: 'This is none of the codes above. Type one of them.' },
    });
  }
  return answerChange(actor.user, finished, formData);
}

/** Stops trusting a browser: it is asked for a second step from then on. */
export async function endTrustAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>(here);
  if (!actor.ok) return actor.answer;
  const form = readForm(trustForm, formData);
  if (!form.ok) redirect(here);
  await endTrust(db(), actor.user, form.fields.deviceId, await readRequestContext());
  redirect(`${here}?saved=trust`);
}

/** Why nothing was changed; whoever only has to confirm that it is them is led there. */
async function answerChange(
  user: SessionUser,
  refusal: FactorChangeRefusal,
  formData: FormData,
): Promise<FormState<never>> {
  if (refusal.reason === 'confirm_first')
    redirect(`/users/security/confirm?next=${encodeURIComponent(here)}`);
  return answerForm({ message: explainChange(refusal, databaseNow(), await readAnswerZone(user, formData)) });
}
