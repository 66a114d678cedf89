'use server';

import { refresh } from 'next/cache';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { QuietHoursField } from '@/components/forms/QuietHoursForm';
import { db } from '@/db/client';
import { readRequestContext } from '@/lib/auth/session';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { sayPreview } from './preview-words';
import { readQuietHours } from './quiet-hours-input';

const kept = ['quietHoursEnabled', 'quietHoursStart', 'quietHoursEnd', 'timeZone', 'version'] as const;

/** Saves the quiet hours, or, for the button "Preview", only says what they would do. */
export async function saveQuietHoursAction(
  _state: FormState<QuietHoursField>,
  formData: FormData,
): Promise<FormState<QuietHoursField>> {
  const actor = await readActor<QuietHoursField>('/users/sms-preferences', formData, kept);
  if (!actor.ok) return actor.answer;
  const { user } = actor;
  const form = readQuietHours((name) => readField(formData, name));
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const context = await readRequestContext();
  const preview = await sayPreview(form.hours, user.phone, context.now);
  if (readField(formData, 'intent') === 'preview') {
    const answer = answerForm<QuietHoursField>(
      { tone: 'info', message: 'This is only a preview. Nothing was saved.' },
      formData,
      kept,
    );
    return { ...answer, values: { ...answer.values, preview } };
  }
  const version = Number(readField(formData, 'version'));
  const wish = { ...form.hours, version: version === (version | 0) ? version : 0 };
  const saved = await saveQuietHours(db(), user, wish, context);
  if (saved.ok) {
    refresh();
    return answerForm({ tone: 'success', message: `Saved. ${preview}` });
  }
  const stands = saved.saved.quietHoursEnabled
    ? `from ${saved.saved.quietHoursStart} to ${saved.saved.quietHoursEnd}${saved.saved.timeZone ? ` in ${saved.saved.timeZone}` : ''}`
    : 'off';
  const answer = answerForm<QuietHoursField>(
    {
      message: `Not saved: your quiet hours were changed in the meantime, perhaps in another tab. They are now ${stands}. What you typed is still below. Save again to use it instead.`,
    },
    formData,
    kept,
  );
  return { ...answer, values: { ...answer.values, version: String(saved.version), preview } };
}
