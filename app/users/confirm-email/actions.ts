'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { readKnownBrowserCookie } from '@/app/_cookies/known-browser-cookie';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import { explainPassword, isAboutPassword } from '@/app/users/password-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { disownAccount, proveEmail } from '@/lib/auth/registration/prove-email';
import { readRequestContext, readUser } from '@/lib/auth/sign-in/session';
import { linkWords } from '../link-words';

const linkForm = z.object({ link: text });
const confirmForm = linkForm.extend({ currentPassword: text });

/** Confirms the email of the account that this browser is signed in to, or whose password is given. */
export async function confirmEmailAction(
  _state: FormState<'currentPassword'>,
  formData: FormData,
): Promise<FormState<'currentPassword'>> {
  const form = readForm(confirmForm, formData);
  if (!form.ok) return answerForm({});
  const { link: token, currentPassword } = form.fields;
  const user = await readUser();
  const context = await readRequestContext();
  const proven = await proveEmail(
    db(),
    { token, password: currentPassword || null },
    { signedIn: user?.userId ?? null, knownBrowser: await readKnownBrowserCookie() },
    context,
  );
  if (proven.ok) redirect('/users/confirm-email?done=confirmed');
  if (isAboutPassword(proven)) return answerForm(explainPassword(proven, context.now, null));
  if (proven.reason === 'not_yours') {
    return answerForm({ fieldErrors: { currentPassword: 'Enter the password of the account.' } });
  }
  if (proven.reason === 'closed') {
    return answerForm({ message: 'This account has been closed, or has another email by now.' });
  }
  const { title, words } = linkWords[proven.reason];
  return answerForm({ message: `${title}. ${words}` });
}

/** "I did not make this account": closes it, by the link alone. */
export async function disownAccountAction(
  _state: FormState<never>,
  formData: FormData,
): Promise<FormState<never>> {
  const form = readForm(linkForm, formData);
  if (!form.ok) return answerForm({});
  const closed = await disownAccount(db(), form.fields.link, await readRequestContext());
  if (closed.ok) redirect('/users/confirm-email?done=closed');
  if (closed.reason === 'proven_already') {
    return answerForm({
      message: 'This email was confirmed with the password of the account, so the account stays open.',
    });
  }
  if (closed.reason === 'closed') return answerForm({ message: 'This account is closed already.' });
  const { title, words } = linkWords[closed.reason];
  return answerForm({ message: `${title}. ${words}` });
}
