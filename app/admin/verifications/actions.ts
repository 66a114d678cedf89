'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { messagesPath } from '@/app/admin/messages/messages-query';
import { subjectProblems } from '@/app/admin/messages/subject-words';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import type { FormState } from '@/components/forms/form-state';
import type { VerificationsFilterField } from '@/components/forms/staff/VerificationsFilterForm';
import { db } from '@/db/client';
import { requireRole } from '@/lib/auth/sign-in/session';
import { findSubject, openSubject, sealSubject } from '@/lib/reporting/message-subject';
import { linkToVerifications, verificationsPath, type VerificationsParameters } from './verifications-query';

const searchForm = z.object({
  q: text,
  /** Whom the page was about when it was loaded. */
  shown: text.transform((sealed) => openSubject(sealed)),
  attempts: z.literal('failures').optional().catch(undefined),
});

/** Leads to whom was looked for. A form that is posted, so that no address ever holds a number, a name or an email. */
export async function searchVerificationsAction(
  _state: FormState<VerificationsFilterField>,
  formData: FormData,
): Promise<FormState<VerificationsFilterField>> {
  await requireRole(verificationsPath, 'admin');
  const form = readForm(searchForm, formData);
  if (!form.ok) redirect(verificationsPath);
  const { q, shown, attempts } = form.fields;
  const answer = await findSubject(db(), q, shown);
  if (!answer.ok) {
    return answerForm({ fieldErrors: { q: subjectProblems[answer.reason] } }, formData, ['q', 'attempts']);
  }
  const { found } = answer;
  if (found?.kind === 'message') redirect(`${messagesPath}/${found.id}`);
  const parameters: VerificationsParameters = { attempts };
  if (found !== null) parameters.about = sealSubject(found);
  redirect(linkToVerifications(parameters));
}
