'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import type { FormState } from '@/components/forms/form-state';
import type { MessagesFilterField } from '@/components/forms/staff/MessagesFilterForm';
import { db } from '@/db/client';
import { requireRole } from '@/lib/auth/sign-in/session';
import { findSubject, openSubject, sealSubject } from '@/lib/reporting/message-subject';
import {
  linkToMessages,
  messagesPath,
  readErrorCode,
  readStatus,
  readTemplate,
  type MessagesParameters,
} from './messages-query';
import { subjectProblems } from './subject-words';

const searchForm = z.object({
  q: text,
  /** What the page was about when it was loaded. */
  shown: text.transform((sealed) => openSubject(sealed)),
  status: text.transform((status) => readStatus(status) ?? undefined),
  template: text.transform((template) => readTemplate(template) ?? undefined),
  error: text.trim().refine((code) => code === '' || readErrorCode(code) !== null, {
    error: 'Enter a number such as 30003, or nothing for every text.',
  }),
});

const fields = ['q', 'status', 'template', 'error'] as const;

/** Leads to what was looked for. A form that is posted, so that no address ever holds a number, a name or an email. */
export async function searchMessagesAction(
  _state: FormState<MessagesFilterField>,
  formData: FormData,
): Promise<FormState<MessagesFilterField>> {
  await requireRole(messagesPath, 'admin');
  const form = readForm(searchForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: { error: form.fieldErrors.error } }, formData, fields);
  const { q, shown, status, template, error } = form.fields;
  const answer = await findSubject(db(), q, shown);
  if (!answer.ok) {
    return answerForm({ fieldErrors: { q: subjectProblems[answer.reason] } }, formData, fields);
  }
  const { found } = answer;
  if (found?.kind === 'message') redirect(`${messagesPath}/${found.id}`);
  const parameters: MessagesParameters = { status, template, error };
  if (found !== null) parameters.about = sealSubject(found);
  redirect(linkToMessages(parameters));
}
