'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { sessionOver } from '@/app/users/password-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { acknowledgeAlarm } from '@/lib/alarms/acknowledge-alarm';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';

const pages = ['/admin', '/admin/alarms'] as const;
export type AlarmsPath = (typeof pages)[number];

const acknowledgeForm = z.object({
  /** What cannot be an id is none that is open. */
  alarm: text.pipe(z.uuid()).catch('00000000-0000-0000-0000-000000000000'),
  page: z.enum(pages).catch('/admin/alarms'),
});

/** Notes that an admin sees to an alarm. */
export async function acknowledgeAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const admin = await requireRole('/admin/alarms', 'admin');
  const form = readForm(acknowledgeForm, formData);
  if (!form.ok) return answerForm({ message: 'Load the page again.' });
  const { alarm, page } = form.fields;
  const done = await acknowledgeAlarm(db(), admin, alarm, await readRequestContext());
  if (!done.ok && done.reason === 'not_open') return answerForm({ message: sessionOver });
  if (!done.ok && done.reason === 'not_admin') {
    return answerForm({ message: 'You are no longer an admin. Nothing was changed.' });
  }
  redirect(`${page}?saved=${done.ok ? 'acknowledged' : 'settled'}`);
}
