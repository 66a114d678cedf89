import { answerForm } from '@/app/_forms/form-answer';
import { clearPendingCookie } from '@/app/_cookies/pending';
import type { FormState } from '@/components/forms/form-state';
import type { SessionUser } from '@/lib/accounts/sessions';
import { readUser } from '@/lib/auth/session';

/**
 * Who sends a form of the settings; else what to answer. Someone signed out or deactivated in another tab keeps what they
 * typed and signs in beside it; nothing is saved. Without JavaScript the guard of the page leads them to sign in, and Back
 * brings what they typed.
 */
export async function readActor<Field extends string>(
  returnTo: string,
  formData?: FormData,
  keep: readonly Field[] = [],
): Promise<{ ok: true; user: SessionUser } | { ok: false; answer: FormState<Field> }> {
  const user = await readUser();
  if (user) {
    // A verification that this browser left behind would otherwise hear the codes of this person.
    await clearPendingCookie();
    return { ok: true, user };
  }
  return {
    ok: false,
    answer: answerForm(
      {
        message:
          'You are no longer signed in. This browser was signed out, perhaps in another tab. Nothing was saved. What you typed is still here: sign in, then send it again.',
        link: { href: `/users/login?next=${encodeURIComponent(returnTo)}`, words: 'Sign in in a new tab' },
      },
      formData,
      keep,
    ),
  };
}
