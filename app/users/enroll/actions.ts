'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { readKnownBrowserCookie, rememberBrowser } from '@/app/_cookies/known-browser-cookie';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required, text } from '@/app/_forms/read-form';
import { sayWhen } from '@/app/_format/say-when';
import { linkWords } from '@/app/users/link-words';
import { sayTriesLeft } from '@/app/users/password-words';
import type { FormState } from '@/components/forms/form-state';
import { db } from '@/db/client';
import { readRequestContext, signInWithGrant } from '@/lib/auth/sign-in/session';
import { enrollByLink, type EnrollRefusal } from '@/lib/auth/two-factor/enroll-by-link';

const enrollForm = z.object({ password: required('Enter your password.'), link: text });

/** Signs in by the link and the password, to set up a second factor and nothing else. */
export async function enrollAction(
  _state: FormState<'password'>,
  formData: FormData,
): Promise<FormState<'password'>> {
  const form = readForm(enrollForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors });
  const { password, link: token } = form.fields;
  const context = await readRequestContext();
  const knownBrowser = await readKnownBrowserCookie();
  const entered = await enrollByLink(db(), { token, password, knownBrowser }, context);
  if (!entered.ok) return answerForm(explain(entered, context.now));
  await rememberBrowser(entered.mark);
  await clearPendingCookie();
  if (!(await signInWithGrant(entered.grant))) redirect('/users/login');
  redirect('/users/security/two-factor');
}

function explain(refusal: EnrollRefusal, now: Date): Partial<FormState<'password'>> {
  switch (refusal.reason) {
    case 'wrong_credentials':
      return {
        fieldErrors: {
          password: `This is not your password.${refusal.triesLeft ? ` ${sayTriesLeft(refusal.triesLeft, now, null)}` : ''}`,
        },
      };
    case 'busy':
      return { message: 'A lot of people are signing in right now. Please try again in a moment.' };
    case 'too_many_passwords':
      return { message: `Too many wrong passwords. Try again ${sayWhen(refusal.retryAt, now)}.` };
    case 'too_many_requests':
      return {
        message: `There have been many requests from your network. Try again ${sayWhen(refusal.retryAt, now)}.`,
      };
    default: {
      const { title, words } = linkWords[refusal.reason];
      return { message: `${title}. ${words}` };
    }
  }
}
