'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { requireRole } from '@/lib/auth/sign-in/session';
import { findSubject, sealSubject } from '@/lib/reporting/message-subject';
import { sealPhoneId } from '@/lib/reporting/phone-id';
import { linkToMessages, messagesPath } from './messages/messages-query';
import { subjectProblems } from './messages/subject-words';
import { phonesPath } from './phones/phone-link';
import { peoplePath } from './users/people-query';

/**
 * Leads to the page of a number, a person or a text, or to the texts of what has no page of its own. A form that is posted, so that no
 * address ever holds a number, a name or an email.
 */
export async function findAction(
  _state: FormState<'phone'>,
  formData: FormData,
): Promise<FormState<'phone'>> {
  await requireRole('/admin', 'admin');
  const form = readForm(z.object({ phone: text }), formData);
  const answer = await findSubject(db(), form.ok ? form.fields.phone : '', null);
  const problem = answer.ok ? 'Enter a number, a name, an email or an id.' : subjectProblems[answer.reason];
  if (!answer.ok || answer.found === null) {
    return answerForm({ fieldErrors: { phone: problem } }, formData, ['phone']);
  }
  const { found } = answer;
  if (found.kind === 'message') redirect(`${messagesPath}/${found.id}`);
  if (found.kind === 'person') redirect(`${peoplePath}/${found.id}`);
  if (found.kind === 'number' && 'phone' in found.filter) {
    redirect(`${phonesPath}/${sealPhoneId(found.filter.phone)}`);
  }
  redirect(linkToMessages({ about: sealSubject(found) }));
}
