'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { sayWhen } from '@/app/_format/say-when';
import { answerForm, readField, readFields } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import {
  applicationsPath,
  pickApplicationsParameters,
  readApplicationsQuery,
} from '@/app/staff/applications/applications-query';
import { asOperator } from '@/app/staff/applications/as-operator';
import { keepTyped, optionalText } from '@/app/staff/applications/typed';
import { askToConfirm, sessionOver } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { BulkAimField } from '@/components/forms/staff/BulkAimForm';
import { db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { applicationLimits } from '@/lib/applications/application';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { aimBulkMove, draftBulkMove, draftMissing } from '@/lib/bulk/select-bulk';
import { pauseBulkMove, startBulkMove, stopBulkMove } from '@/lib/bulk/steer-bulk';
import { isId } from '@/lib/random';
import { seenStatuses } from '@/lib/reporting/applications-list';
import { bulkPath, tooManyBulkWords } from './bulk-words';

const gone = 'There is no such bulk move any more. Nothing was changed.';

/** Makes a draft of what is checked in the list, or of all that it was narrowed down to. */
export async function draftBulkMoveAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const user = await requireRole(applicationsPath, 'staff', 'admin');
  const fields = [...readFields(formData)].filter(
    (field): field is [string, string] => typeof field[1] === 'string',
  );
  const checked = fields.filter(([name]) => name === 'application').map(([, id]) => id);
  const isAll = readField(formData, 'which') === 'all';
  const query = readApplicationsQuery(pickApplicationsParameters(Object.fromEntries(fields)));
  const selection = isAll ? { query } : { ids: checked };
  const context = await readRequestContext();
  const made = await draftBulkMove(db(), user, selection, context);
  if (made.ok) redirect(`${bulkPath}/${made.id}`);
  if (made.reason === 'too_often') {
    return answerForm({ message: await sayTooManyDrafts(made.retryAt, context.now, user, formData) });
  }
  if (made.reason === 'too_wide') {
    return answerForm({
      message: 'Very many people fit this search. Enter more of the name or email, then go on with all.',
    });
  }
  return answerForm({
    message: isAll ? 'There is nothing in this list.' : 'Check at least one application in the list.',
  });
}

const aimForm = z.object({
  bulk: text,
  to: z.enum(seenStatuses, { error: 'Choose where to move them.' }),
  note: optionalText('The note', applicationLimits.note).transform((written) =>
    written === '' ? null : written,
  ),
});

/** Says where the applications of a draft go. */
export async function aimBulkMoveAction(
  _state: FormState<BulkAimField>,
  formData: FormData,
): Promise<FormState<BulkAimField>> {
  const actor = await readActor<BulkAimField>(returnPathOf(formData), formData, ['to', 'note']);
  if (!actor.ok) return actor.answer;
  const user = asOperator(actor.user, 'staff', 'admin');
  const values = keepTyped(formData, ['to', 'note']);
  const form = readForm(aimForm, formData);
  if (!form.ok)
    return answerForm({ fieldErrors: form.fieldErrors as FormState<BulkAimField>['fieldErrors'], values });
  const { bulk: id, to, note } = form.fields;
  const context = await readRequestContext();
  const aimed = await aimBulkMove(db(), user, { id, to, note }, context);
  if (aimed.ok) redirect(`${bulkPath}/${id}?saved=aimed`);
  if (aimed.reason === 'too_often') {
    const when = sayWhen(aimed.retryAt, context.now, await readAnswerZone(user, formData));
    const message = `You have looked at very many bulk moves. You can look at the next one ${when}. Nothing was changed. What you typed is still here.`;
    return answerForm({ message, values });
  }
  return aimed.reason === 'note_missing'
    ? answerForm({ fieldErrors: { note: 'Say what is needed: every applicant reads it.' }, values })
    : answerForm({ message: 'This was started or removed meanwhile. Nothing was changed.', values });
}

/** Starts a bulk move, or has it go on, for someone who has shown their second factor within ten minutes. */
export async function startBulkMoveAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const user = await requireRole(returnPathOf(formData), 'staff', 'admin');
  const id = readField(formData, 'bulk');
  const seen = readField(formData, 'aim');
  const started = await startBulkMove(db(), user, id, await readRequestContext(), seen);
  if (started.ok) redirect(`${bulkPath}/${id}?saved=started`);
  switch (started.reason) {
    case 'confirm_first':
      return answerForm({
        ...askToConfirm,
        message:
          'It has been more than ten minutes since your second step. Nothing was started: confirm that it is you, then start it again.',
      });
    case 'not_open':
      return answerForm({ message: sessionOver });
    case 'too_many_under_way':
      return answerForm({ message: tooManyBulkWords });
    case 'changed_meanwhile':
      refresh();
      return answerForm({
        message:
          'Where to, or the note, was changed since you looked, maybe in another tab. Nothing was started: see what would happen now.',
      });
    case 'no_target':
      return answerForm({ message: 'Say where to move them first.' });
    case 'over':
    case 'not_found':
      refresh();
      return answerForm({ message: started.reason === 'over' ? 'It is over already.' : gone });
  }
}

/** Pauses a bulk move. */
export async function pauseBulkMoveAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const user = await requireRole(returnPathOf(formData), 'staff', 'admin');
  const id = readField(formData, 'bulk');
  const paused = await pauseBulkMove(db(), user, id, await readRequestContext());
  if (paused) redirect(`${bulkPath}/${id}?saved=paused`);
  refresh();
  return answerForm({ message: 'It does not go on just now. Nothing was changed.' });
}

/** Ends a bulk move. */
export async function stopBulkMoveAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const user = await requireRole(returnPathOf(formData), 'staff', 'admin');
  const id = readField(formData, 'bulk');
  const stopped = await stopBulkMove(db(), user, id, await readRequestContext());
  if (stopped.ok) redirect(`${bulkPath}/${id}?saved=stopped`);
  switch (stopped.reason) {
    case 'confirm_first':
      return answerForm({
        ...askToConfirm,
        message:
          'Someone else started it, and it has been more than ten minutes since your second step. Nothing was stopped: confirm that it is you, then stop it again. You can pause it now.',
      });
    case 'not_open':
      return answerForm({ message: sessionOver });
    case 'over':
      refresh();
      return answerForm({ message: 'It is over already. Nothing was changed.' });
  }
}

/** Makes a draft of what a bulk move has not done. */
export async function draftMissingAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const user = await requireRole(returnPathOf(formData), 'staff', 'admin');
  const context = await readRequestContext();
  const made = await draftMissing(db(), user, readField(formData, 'bulk'), context);
  if (made.ok) redirect(`${bulkPath}/${made.id}`);
  if (made.reason === 'too_often') {
    return answerForm({ message: await sayTooManyDrafts(made.retryAt, context.now, user, formData) });
  }
  refresh();
  return answerForm({ message: 'Nothing is missing that you can see.' });
}

async function sayTooManyDrafts(
  retryAt: Date,
  now: Date,
  user: SessionUser,
  formData: FormData,
): Promise<string> {
  const when = sayWhen(retryAt, now, await readAnswerZone(user, formData));
  return `You have prepared very many bulk moves. You can prepare the next one ${when}. Nothing was changed.`;
}

/** Where someone who signs in again goes on. */
function returnPathOf(formData: FormData): string {
  const id = readField(formData, 'bulk');
  return isId(id) ? `${bulkPath}/${id}` : bulkPath;
}
