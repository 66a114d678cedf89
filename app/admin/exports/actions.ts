'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { box, readForm, text } from '@/app/_forms/read-form';
import { askToConfirm } from '@/app/users/password-words';
import type { ExportField } from '@/components/forms/staff/ExportForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { removeExport, requestExport } from '@/lib/exports/export-jobs';
import { readDays, reportDay } from './export-days';
import { exportsPath, formatWords, isOneOf, kindWords, tooManyUnderWayWords } from './export-words';

const exportForm = z.object({
  kind: text.refine((kind) => isOneOf(kindWords, kind), 'Choose what to export.'),
  format: text.refine((format) => isOneOf(formatWords, format), 'Choose a kind of file.'),
  first: reportDay,
  last: reportDay,
  wholeNumbers: box,
});

/** Starts an export. The answer to an admin who has to show who they are first keeps what was chosen. */
export async function startExportAction(
  _state: FormState<ExportField>,
  formData: FormData,
): Promise<FormState<ExportField>> {
  const admin = await requireRole(exportsPath, 'admin');
  const chosen = ['kind', 'format', 'first', 'last', 'wholeNumbers'] as const;
  const form = readForm(exportForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, chosen);
  const { kind, format, first, last, wholeNumbers } = form.fields;
  const context = await readRequestContext();
  const days = readDays({ first, last }, context.now);
  if (!days.ok) return answerForm({ fieldErrors: days.fieldErrors }, formData, chosen);
  if (!isOneOf(kindWords, kind) || !isOneOf(formatWords, format)) return answerForm({}, formData, chosen);
  const wanted = { kind, format, wholeNumbers, ...days.period };
  const answer = await requestExport(db(), admin, wanted, context);
  if (answer.ok) redirect(`${exportsPath}?saved=started`);
  const refused = answer.reason === 'too_many_under_way' ? { message: tooManyUnderWayWords } : askToConfirm;
  return answerForm<ExportField>(refused, formData, chosen);
}

/** Removes a file, or ends one that is being written. */
export async function removeExportAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const admin = await requireRole(exportsPath, 'admin');
  const removed = await removeExport(db(), admin, readField(formData, 'export'), await readRequestContext());
  if (removed) redirect(`${exportsPath}?saved=removed`);
  refresh();
  return answerForm({ message: 'This export was removed already.' });
}
