'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import { explainChange, explainPasskeyAdded } from '@/app/users/factor-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { askToConfirm } from '@/app/users/password-words';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { markPasskeyOffered } from '@/lib/accounts/users';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { enrollPasskey } from '@/lib/auth/two-factor/enrollment';

const passkeyForm = z.object({
  passkey: required('Your browser has made no passkey. Try again.'),
  passkeyName: text.trim().min(1).max(50),
});

/** Adds the passkey that the dashboard has offered. */
export async function acceptPasskeyAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readActor<never>('/dashboard');
  if (!actor.ok) return actor.answer;
  const form = readForm(passkeyForm, formData);
  if (!form.ok)
    return answerForm({ message: form.fieldErrors.passkey ?? explainPasskeyAdded('passkey_refused') });
  const { passkey: answer, passkeyName: name } = form.fields;
  const context = await readRequestContext();
  const added = await enrollPasskey(db(), actor.user, { answer, name }, context);
  if (added.ok) redirect('/dashboard?passkey=added');
  if (added.reason === 'refused') {
    // The next try needs another challenge, which the page brings.
    refresh();
    return answerForm({ message: explainPasskeyAdded(added.why) });
  }
  if (added.reason === 'confirm_first') return answerForm(askToConfirm);
  return answerForm({
    message: explainChange(added, context.now, await readAnswerZone(actor.user, formData)),
  });
}

/** Notes that the person wants none, so that they are not asked again. */
export async function declinePasskeyAction(): Promise<FormState<never>> {
  const actor = await readActor<never>('/dashboard');
  if (!actor.ok) return actor.answer;
  await markPasskeyOffered(db(), actor.user.userId, databaseNow());
  redirect('/dashboard?passkey=declined');
}
