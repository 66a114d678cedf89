'use server';

import { answerForm } from '@/app/_forms/form-answer';
import { readEnrollingActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';

/** Counts as a visit, so that the session goes on: asking who is signed in notes that they were here. */
export async function staySignedInAction(): Promise<FormState<never>> {
  const actor = await readEnrollingActor<never>('/dashboard');
  if (!actor.ok) return actor.answer;
  return answerForm({ tone: 'success', message: 'You stay signed in.' });
}
