'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { linkWords } from '@/app/users/link-words';
import { sessionOver } from '@/app/users/password-words';
import { readAnswerZone } from '@/app/users/person-time-zone';
import { sayEmailStays } from '@/app/users/profile/email-words';
import { readActor } from '@/app/users/settings-actor';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { confirmEmailChange } from '@/lib/auth/settings/change-email';
import { readRequestContext } from '@/lib/auth/sign-in/session';

const linkForm = z.object({ link: text });

/** Makes the address that the link went to the person's email. */
export async function takeNewEmailAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const actor = await readActor<never>('/users/profile');
  if (!actor.ok) return actor.answer;
  const form = readForm(linkForm, formData);
  if (!form.ok) return answerForm({});
  const asked = { token: form.fields.link, signedIn: actor.user };
  const context = await readRequestContext();
  const changed = await confirmEmailChange(db(), asked, context);
  if (changed.ok) redirect('/users/profile?saved=email');
  switch (changed.reason) {
    case 'taken':
      return answerForm({ message: 'This email has another account. Nothing was changed.' });
    case 'closed':
      return answerForm({ message: 'This account has been closed. Nothing was changed.' });
    case 'not_open':
      return answerForm({ message: sessionOver });
    case 'recovered_lately':
      return answerForm({
        message: sayEmailStays(changed.retryAt, context.now, await readAnswerZone(actor.user, formData)),
      });
    case 'not_yours':
      return answerForm({
        message:
          'You are signed in to another account. Sign in to the one that you want to change, then open the link again.',
      });
    default: {
      const { title, words } = linkWords[changed.reason];
      return answerForm({ message: `${title}. ${words}` });
    }
  }
}
