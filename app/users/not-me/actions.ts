'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { undoChanges } from '@/lib/auth/recovery/undo-changes';
import { linkWords } from '../link-words';

const linkForm = z.object({ link: text });

/** "This was not me": signs everyone out and puts email and number back. */
export async function notMeAction(_state: FormState<never>, formData: FormData): Promise<FormState<never>> {
  const form = readForm(linkForm, formData);
  if (!form.ok) return answerForm({});
  const undone = await undoChanges(db(), form.fields.link, await readRequestContext());
  if (undone.ok) redirect(`/users/not-me?done=${undone.account === 'kept' ? 'yes' : 'closed'}`);
  if (undone.reason === 'closed') return answerForm({ message: 'This account has been closed.' });
  const { title, words } = linkWords[undone.reason];
  return answerForm({ message: `${title}. ${words}` });
}
