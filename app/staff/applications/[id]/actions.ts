'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { applicationHeldWords, nameStatus } from '@/app/_format/application-words';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { readForm, text, version } from '@/app/_forms/read-form';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { sessionOver } from '@/app/users/password-words';
import { answerSignedOut, readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import type { AssigneeField } from '@/components/forms/staff/AssigneeForm';
import type { MoveField } from '@/components/forms/staff/MoveForms';
import type { NoteField } from '@/components/forms/staff/NoteForm';
import { db } from '@/db/client';
import { applicationLimits } from '@/lib/applications/application';
import { undoMove } from '@/lib/applications/move-application';
import { assignByHand, moveByHand, noteByHand, type TooManyByHand } from '@/lib/applications/by-hand';
import { sayWhen } from '@/app/_format/say-when';
import { seesInternal, type Viewer } from '@/lib/applications/who-sees';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { isId } from '@/lib/random';
import { readLastChange } from '@/lib/reporting/application-page';
import { seenStatuses } from '@/lib/reporting/applications-list';
import { applicationsPath } from '../applications-query';
import { asOperator } from '../as-operator';
import { keepTyped, optionalText } from '../typed';
import { sayMeanwhile } from './say-meanwhile';

const notTheirs = 'This application is no longer yours to see. Nothing was changed.';

const noteInput = (what: string) =>
  optionalText(what, applicationLimits.note).transform((written) => (written === '' ? null : written));
const notes = { note: noteInput('The note'), internalNote: noteInput('The internal note') };

const moveForm = z.object({
  application: text,
  to: z.enum(seenStatuses).nullable().catch(null),
  version,
  ...notes,
});

const noteMissing = 'Say what is needed: the applicant reads it here.';

/** Moves an application. */
export async function moveApplicationAction(
  _state: FormState<MoveField>,
  formData: FormData,
): Promise<FormState<MoveField>> {
  const actor = await readActor<MoveField>(returnPathOf(formData), formData, ['to', 'note', 'internalNote']);
  if (!actor.ok) return actor.answer;
  const user = asOperator(actor.user, 'broker', 'staff', 'admin');
  const values = keepTyped(formData, ['to', 'note', 'internalNote']);
  const form = readForm(moveForm, formData);
  if (!form.ok)
    return answerForm({ fieldErrors: form.fieldErrors as FormState<MoveField>['fieldErrors'], values });
  const { application: id, to, version: seen, note: written, internalNote } = form.fields;
  if (to === null) return answerForm({ message: 'This is no move. Nothing was changed.', values });
  const wanted = {
    id,
    to,
    version: seen,
    note: written,
    // Theirs alone to write who may read it.
    internalNote: seesInternal(user) ? internalNote : null,
  };
  const context = await readRequestContext();
  const moved = await moveByHand(db(), user, wanted, context);
  if (moved.ok) redirect(`${applicationsPath}/${id}?saved=moved`);
  switch (moved.reason) {
    case 'too_many':
      return answerForm({
        message: await sayTooMany('moves', moved, { user, formData, now: context.now }),
        values,
      });
    case 'note_missing':
      return answerForm({ fieldErrors: { note: noteMissing }, values });
    case 'not_found':
      return answerForm({ message: notTheirs, values });
    case 'busy':
      return answerForm({ message: applicationHeldWords, values });
    case 'not_open':
      return { ...answerSignedOut<MoveField>(returnPathOf(formData)), values };
    case 'not_allowed':
      refresh();
      return answerForm({
        message: `This move cannot be made by you from ${nameStatus(moved.application.status)}. Nothing was changed.`,
        values,
      });
    case 'changed_meanwhile':
      refresh();
      return answerForm({ message: await sayChanged(user, id, formData), values });
  }
}

async function sayTooMany(
  what: 'moves' | 'notes' | 'changes',
  { retryAt }: TooManyByHand,
  { user, formData, now }: { user: Viewer; formData: FormData; now: Date },
): Promise<string> {
  const when = sayWhen(retryAt, now, await readAnswerZone(user, formData));
  return `You, or others with this application, have made very many ${what}. You can make the next one ${when}. Nothing was changed. What you typed is still here.`;
}

async function sayChanged(user: Viewer, id: string, formData: FormData): Promise<string> {
  const [change, timeZone] = await Promise.all([
    readLastChange(db(), user, id),
    readAnswerZone(user, formData),
  ]);
  return `Nothing was saved, because this was changed meanwhile. ${sayMeanwhile(change, timeZone)} Look at it again, then decide. What you typed is still here.`;
}

const undoForm = z.object({
  application: text,
  event: text.transform((typed) => (/^\d{1,15}$/.test(typed) ? Number(typed) : 0)),
});

/** Takes back the last move, while that can be done. */
export async function undoMoveAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const user = await requireRole(applicationsPath, 'broker', 'staff', 'admin');
  const form = readForm(undoForm, formData);
  if (!form.ok) return answerForm({ message: notTheirs });
  const { application: id, event: eventId } = form.fields;
  const undone = await undoMove(db(), user, { id, eventId }, await readRequestContext());
  if (!undone.ok && undone.reason === 'not_found') return answerForm({ message: notTheirs });
  if (!undone.ok && undone.reason === 'not_open') return answerForm({ message: sessionOver });
  if (!undone.ok && undone.reason === 'busy') return answerForm({ message: applicationHeldWords });
  redirect(`${applicationsPath}/${id}?saved=${undone.ok ? 'undone' : undone.reason}`);
}

const person = text.transform((id) => (id === '' ? null : id));

const assigneeForm = z.object({ application: text, version, assignee: person, seenAssignee: person });

/** Says who sees to an application. */
export async function assignApplicationAction(
  _state: FormState<AssigneeField>,
  formData: FormData,
): Promise<FormState<AssigneeField>> {
  const user = await requireRole(applicationsPath, 'staff', 'admin');
  const values = keepTyped(formData, ['assignee']);
  const form = readForm(assigneeForm, formData);
  if (!form.ok) return answerForm({ message: notTheirs });
  const { application: id, assignee: assigneeId, seenAssignee: seenAssigneeId, version: seen } = form.fields;
  const wanted = { id, assigneeId, seenAssigneeId, version: seen };
  const context = await readRequestContext();
  const assigned = await assignByHand(db(), user, wanted, context);
  if (assigned.ok) redirect(`${applicationsPath}/${id}?saved=assigned`);
  switch (assigned.reason) {
    case 'too_many':
      return answerForm({
        message: await sayTooMany('changes', assigned, { user, formData, now: context.now }),
        values,
      });
    case 'not_found':
      return answerForm({ message: notTheirs, values });
    case 'busy':
      return answerForm({ message: applicationHeldWords, values });
    case 'not_open':
      return { ...answerSignedOut<AssigneeField>(returnPathOf(formData)), values };
    case 'not_assignable':
      return answerForm({
        fieldErrors: { assignee: 'This person cannot see to applications any more. Choose someone else.' },
        values,
      });
    case 'changed_meanwhile':
      refresh();
      return answerForm({ message: await sayChanged(user, id, formData), values });
  }
}

const noteForm = z.object({ application: text, ...notes });

/** Adds a note to an application that stays where it is. */
export async function addNoteAction(
  _state: FormState<NoteField>,
  formData: FormData,
): Promise<FormState<NoteField>> {
  const actor = await readActor<NoteField>(returnPathOf(formData), formData, ['note', 'internalNote']);
  if (!actor.ok) return actor.answer;
  const user = asOperator(actor.user, 'broker', 'staff', 'admin');
  const values = keepTyped(formData, ['note', 'internalNote']);
  const form = readForm(noteForm, formData);
  if (!form.ok)
    return answerForm({ fieldErrors: form.fieldErrors as FormState<NoteField>['fieldErrors'], values });
  const { application: id, note: written, internalNote } = form.fields;
  const wanted = { id, note: written, internalNote: seesInternal(user) ? internalNote : null };
  const context = await readRequestContext();
  const added = await noteByHand(db(), user, wanted, context);
  if (added.ok) redirect(`${applicationsPath}/${id}?saved=noted`);
  switch (added.reason) {
    case 'too_many':
      return answerForm({
        message: await sayTooMany('notes', added, { user, formData, now: context.now }),
        values,
      });
    case 'empty':
      return answerForm({ fieldErrors: { note: 'Write a note.' }, values });
    case 'not_found':
      return answerForm({ message: notTheirs, values });
    case 'busy':
      return answerForm({ message: applicationHeldWords, values });
    case 'not_open':
      return { ...answerSignedOut<NoteField>(returnPathOf(formData)), values };
  }
}

/** Where someone who signs in again goes on. */
function returnPathOf(formData: FormData): string {
  const id = readField(formData, 'application');
  return isId(id) ? `${applicationsPath}/${id}` : applicationsPath;
}
