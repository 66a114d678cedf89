'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { answerForm, readField } from '@/app/_forms/form-answer';
import { readForm } from '@/app/_forms/read-form';
import { applicationHeldWords, nameStatus } from '@/app/_format/application-words';
import { sayWhen } from '@/app/_format/say-when';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { answerSignedOut, readActor } from '@/app/users/settings-actor';
import type { AnswerField } from '@/components/forms/applications/AnswerForm';
import type { ApplicationField } from '@/components/forms/applications/ApplicationForm';
import type { WithdrawField } from '@/components/forms/applications/WithdrawForm';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { answerApplication } from '@/lib/applications/add-to-timeline';
import { moveApplication } from '@/lib/applications/move-application';
import { readMyApplication } from '@/lib/applications/my-applications';
import { discardDraft, saveDraft, submitApplication } from '@/lib/applications/write-application';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import {
  answerInput,
  applicationPath,
  draftInput,
  submissionInput,
  withdrawalInput,
} from './application-input';
import { asApplicant } from './as-applicant';

const kept = ['version', 'title', 'message'] as const;

const notFoundWords =
  'This application is not there anymore, or it is not yours. Nothing was saved. What you typed is still here.';

/** Saves what was written as a draft; for the button "Submit application" hands it in. */
export async function saveApplicationAction(
  _state: FormState<ApplicationField>,
  formData: FormData,
): Promise<FormState<ApplicationField>> {
  const actor = await readActor<ApplicationField>(returnPathOf(formData), formData, kept);
  if (!actor.ok) return actor.answer;
  const applicant = asApplicant(actor.user);
  const isSubmission = readField(formData, 'intent') === 'submit';
  const form = isSubmission ? readForm(submissionInput, formData) : readForm(draftInput, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, kept);
  const { id, version, title, message } = form.fields;
  const { nextStep } = env();
  if (id === null && nextStep !== null) {
    return answerForm(
      {
        message:
          'Applications are made on another site now. Nothing was saved. What you typed is still here.',
        link: { href: nextStep.url, words: nextStep.label },
      },
      formData,
      kept,
    );
  }
  const context = await readRequestContext();
  const draft = { id, version, title, message };
  const notDone = isSubmission ? 'Not submitted' : 'Not saved';
  const saved = isSubmission
    ? await submitApplication(db(), applicant, draft, context)
    : await saveDraft(db(), applicant, draft, context);
  if (saved.ok) {
    if (isSubmission) leadToPage(saved.id, 'submitted');
    if (id === null) leadToPage(saved.id, 'draft');
    refresh();
    return answerForm({ tone: 'success', message: 'Saved. Only you can see this draft.' });
  }
  switch (saved.reason) {
    case 'too_many_changes': {
      const when = sayWhen(saved.retryAt, context.now, await readAnswerZone(actor.user, formData));
      return answerForm(
        {
          message: `${notDone}: you have done much with your applications lately. You can go on ${when}. What you typed is still below.`,
        },
        formData,
        kept,
      );
    }
    case 'not_found':
    case 'note_missing':
      return answerForm({ message: notFoundWords }, formData, kept);
    case 'not_open':
      return answerSignedOut(returnPathOf(formData), formData, kept);
    case 'busy':
      return answerForm({ message: applicationHeldWords }, formData, kept);
    case 'changed_meanwhile':
    case 'not_allowed': {
      const { application } = saved;
      if (application.status !== 'draft') {
        // So that the page shows how it is now; what was typed stays on it.
        refresh();
        return answerForm(
          {
            message: `${notDone}: this application is no longer a draft. It was submitted or withdrawn, perhaps in another tab. What you typed is below.`,
          },
          formData,
          kept,
        );
      }
      const answer = answerForm<ApplicationField>(
        {
          message: `${notDone}: this draft was changed in the meantime, perhaps in another tab. What you typed is still below. Press the button again to use it instead.`,
          link: { href: applicationPath(application.id), words: 'Look at the saved draft in a new tab' },
        },
        formData,
        kept,
      );
      return { ...answer, values: { ...answer.values, version: String(application.version) } };
    }
  }
}

/** Takes an application back; a draft is gone then. */
export async function withdrawApplicationAction(
  _state: FormState<WithdrawField>,
  formData: FormData,
): Promise<FormState<WithdrawField>> {
  const actor = await readActor<WithdrawField>(returnPathOf(formData), formData, ['version']);
  if (!actor.ok) return actor.answer;
  const applicant = asApplicant(actor.user);
  const form = readForm(withdrawalInput, formData);
  if (!form.ok) return answerForm({ message: notFoundWords });
  const { id, version } = form.fields;
  const discarded = await discardDraft(db(), applicant, { id, version });
  if (discarded.ok) redirect('/applications?saved=deleted');
  const held = answerForm<WithdrawField>({ message: applicationHeldWords }, formData, ['version']);
  if (discarded.reason === 'busy') return held;
  const context = await readRequestContext();
  const moved = await moveApplication(db(), applicant, { id, to: 'withdrawn', version }, context);
  if (moved.ok) leadToPage(id, 'withdrawn');
  if (moved.reason === 'not_open') return answerSignedOut(returnPathOf(formData), formData, ['version']);
  if (moved.reason === 'busy') return held;
  const seen = await readMyApplication(db(), applicant.userId, id, context.now);
  if (seen === null || moved.reason === 'not_found' || moved.reason === 'note_missing') {
    return answerForm({ message: 'This application is not there anymore, or it is not yours.' });
  }
  refresh();
  const { status } = seen.application;
  const answer = { values: { version: String(seen.application.version) } };
  if (status === 'withdrawn') return answerForm({ tone: 'info', message: 'It is withdrawn already.' });
  return answerForm({
    ...answer,
    message: seen.may.withdraw
      ? `Not withdrawn: your application was changed in the meantime. It is now: ${nameStatus(status)}. Press the button again if you still want to withdraw it.`
      : `Not withdrawn: it is decided already. It is now: ${nameStatus(status)}.`,
  });
}

/** Answers what is asked for. */
export async function answerApplicationAction(
  _state: FormState<AnswerField>,
  formData: FormData,
): Promise<FormState<AnswerField>> {
  const actor = await readActor<AnswerField>(returnPathOf(formData), formData, ['note']);
  if (!actor.ok) return actor.answer;
  const applicant = asApplicant(actor.user);
  const form = readForm(answerInput, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['note']);
  const { id, note } = form.fields;
  const context = await readRequestContext();
  const answered = await answerApplication(db(), applicant, { id, note }, context);
  if (answered.ok) leadToPage(id, 'answered');
  switch (answered.reason) {
    case 'too_many_changes': {
      const when = sayWhen(answered.retryAt, context.now, await readAnswerZone(actor.user, formData));
      return answerForm(
        { message: `Not sent: you have sent many answers lately. You can send another ${when}.` },
        formData,
        ['note'],
      );
    }
    case 'not_found':
      return answerForm({ message: notFoundWords }, formData, ['note']);
    case 'not_open':
      return answerSignedOut(returnPathOf(formData), formData, ['note']);
    case 'busy':
      return answerForm({ message: applicationHeldWords }, formData, ['note']);
    case 'not_asked':
      refresh();
      return answerForm(
        { message: 'Not sent: we do not need an answer anymore. What you typed is below.' },
        formData,
        ['note'],
      );
  }
}

/** Where someone who signs in again goes on. */
function returnPathOf(formData: FormData): string {
  const id = readField(formData, 'id');
  return id === '' ? '/applications/new' : applicationPath(id);
}

/** Shows the page of an application with a word about what was done. The browser may have that very page, of an earlier time. */
function leadToPage(id: string, saved: 'draft' | 'submitted' | 'answered' | 'withdrawn'): never {
  refresh();
  redirect(`${applicationPath(id)}?saved=${saved}`);
}
