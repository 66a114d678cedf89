'use server';

import { refresh } from 'next/cache';
import { answerForm } from '@/app/_forms/form-answer';
import { sayWallTime } from '@/app/_format/say-moment';
import { sayWhen } from '@/app/_format/say-when';
import { readForm, text, version } from '@/app/_forms/read-form';
import { heldWords } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { QuietHoursField } from '@/components/forms/settings/QuietHoursForm';
import { db } from '@/db/client';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { saveQuietHours, type QuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { answerSaved, sayPreview, sayCityTime } from './preview-words';
import { quietHoursForm } from './quiet-hours-input';

const kept = ['quietHoursEnabled', 'quietHoursStart', 'quietHoursEnd', 'timeZone', 'version'] as const;

const saveForm = quietHoursForm.extend({ intent: text, version });

/** Saves the quiet hours, or, for the button "Preview", only says what they would do. */
export async function saveQuietHoursAction(
  _state: FormState<QuietHoursField>,
  formData: FormData,
): Promise<FormState<QuietHoursField>> {
  const actor = await readActor<QuietHoursField>('/users/sms-preferences', formData, kept);
  if (!actor.ok) return actor.answer;
  const { user } = actor;
  const form = readForm(saveForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const { intent, ...wish } = form.fields;
  const context = await readRequestContext();
  const preview = await sayPreview(wish, user.phone, context.now);
  if (intent === 'preview') {
    const answer = answerForm<QuietHoursField>(
      { tone: 'info', message: 'This is only a preview. Nothing was saved.' },
      formData,
      kept,
    );
    return { ...answer, values: { ...answer.values, preview } };
  }
  const saved = await saveQuietHours(db(), user, wish, context);
  if (saved.ok) {
    refresh();
    // What they do now is said below the fields, once.
    return answerForm(answerSaved(wish));
  }
  if (saved.reason === 'busy') return answerForm({ message: heldWords }, formData, kept);
  if (saved.reason === 'too_many_changes') {
    const when = sayWhen(saved.retryAt, context.now, await readAnswerZone(user, formData));
    const answer = answerForm<QuietHoursField>(
      {
        message: `Not saved: you have changed your settings many times. You can change them again ${when}. What you typed is still below.`,
      },
      formData,
      kept,
    );
    return { ...answer, values: { ...answer.values, preview } };
  }
  const answer = answerForm<QuietHoursField>(
    {
      message: `Not saved: your quiet hours were changed in the meantime, perhaps in another tab. They are now ${sayHours(saved.saved)}. What you typed is still below. Save again to use it instead.`,
    },
    formData,
    kept,
  );
  return { ...answer, values: { ...answer.values, version: String(saved.version), preview } };
}

function sayHours({ quietHoursEnabled, quietHoursStart, quietHoursEnd, timeZone }: QuietHours): string {
  if (!quietHoursEnabled) return 'off';
  const hours = `from ${sayWallTime(quietHoursStart)} to ${sayWallTime(quietHoursEnd)}`;
  return timeZone === null ? hours : `${hours}, ${sayCityTime(timeZone)}`;
}
