import { answerForm } from '@/app/_forms/form-answer';
import { clearPendingCookie } from '@/app/_cookies/pending-cookie';
import type { FormState } from '@/components/forms/form-state';
import type { SessionUser } from '@/lib/accounts/sessions';
import { readEnrollingUser } from '@/lib/auth/sign-in/session';

type Actor<Field extends string> = { ok: true; user: SessionUser } | { ok: false; answer: FormState<Field> };

/**
 * Who sends a form of the settings; else what to answer. Someone signed out or deactivated in another tab keeps what they
 * typed and signs in beside it, and who has to set up a second factor first does that; nothing is saved. Without JavaScript the
 * guard of the page leads them there.
 */
export async function readActor<Field extends string>(
  returnTo: string,
  formData?: FormData,
  keep: readonly Field[] = [],
): Promise<Actor<Field>> {
  const user = await readEnrollingUser();
  if (user === null || user.standing === 'open') return answerFor(user, returnTo, formData, keep);
  return {
    ok: false,
    answer: answerForm(
      {
        message:
          'Your account needs a second factor before anything else. Nothing was saved. What you typed is still here: set it up, then send it again.',
        link: { href: '/users/security/two-factor', words: 'Set it up in a new tab' },
      },
      formData,
      keep,
    ),
  };
}

/** The same for the pages on which a second factor is set up, which also hear who has none yet. */
export async function readEnrollingActor<Field extends string>(
  returnTo: string,
  formData?: FormData,
  keep: readonly Field[] = [],
): Promise<Actor<Field>> {
  return answerFor(await readEnrollingUser(), returnTo, formData, keep);
}

async function answerFor<Field extends string>(
  user: SessionUser | null,
  returnTo: string,
  formData: FormData | undefined,
  keep: readonly Field[],
): Promise<Actor<Field>> {
  if (user) {
    // A verification that this browser left behind would otherwise hear the codes of this person.
    await clearPendingCookie();
    return { ok: true, user };
  }
  return { ok: false, answer: answerSignedOut(returnTo, formData, keep) };
}

/** What a form answers whose sender is signed out, or was while it waited for its turn. */
export function answerSignedOut<Field extends string>(
  returnTo: string,
  formData?: FormData,
  keep: readonly NoInfer<Field>[] = [],
): FormState<Field> {
  return answerForm(
    {
      message:
        'You are no longer signed in. This browser was signed out, perhaps in another tab. Nothing was saved. What you typed is still here: sign in, then send it again.',
      link: { href: `/users/login?next=${encodeURIComponent(returnTo)}`, words: 'Sign in in a new tab' },
    },
    formData,
    keep,
  );
}
