'use client';

import {
  unstable_isUnrecognizedActionError as isOutdated,
  unstable_rethrow as rethrow,
} from 'next/navigation';
import { useActionState } from 'react';
import { browserZoneField, emptyFormState, type FormAction, type FormState } from './form-state';

/** What is typed there is never put back into a page. */
const isSecret = (name: string) => /password/i.test(name);

/**
 * `useActionState` of a server action, for a form that loses nothing: where the action fails, the connection is gone, or the
 * site was updated since the page was opened, what was typed stays, with words about it above. Without JavaScript the form
 * is sent as ever. With it the form says the browser's time zone (`browserZoneField`). `onDone` is called, where scripts run, once the action has succeeded: its answer says so, or leads to another page.
 *
 * Out: the answer to show, what the form takes as its `action`, and whether it is under way.
 */
export function useFormAction<Field extends string>(
  action: FormAction<Field>,
  onDone?: () => void,
): [FormState<Field>, (formData: FormData) => void, boolean] {
  return useActionState(
    // The server has to see the action itself, since it writes where a form without JavaScript goes.
    typeof window === 'undefined' ? action : keepWhatWasTyped(action, onDone),
    emptyFormState as FormState<Field>,
  );
}

function keepWhatWasTyped<Field extends string>(
  action: FormAction<Field>,
  onDone?: () => void,
): FormAction<Field> {
  return async (state, formData) => {
    formData.set(browserZoneField, Intl.DateTimeFormat().resolvedOptions().timeZone);
    try {
      const answer = await action(state, formData);
      if (answer.tone === 'success' || answer.tone === 'warning') onDone?.();
      return answer;
    } catch (error) {
      if (isRedirect(error)) onDone?.();
      rethrow(error);
      const typed = [...formData].filter(
        ([name, value]) =>
          typeof value === 'string' && !name.startsWith('$') && name !== browserZoneField && !isSecret(name),
      );
      const kept = [...formData.keys()].some(isSecret)
        ? 'What you typed is still here. If the password is gone, type it again.'
        : 'What you typed is still here.';
      return {
        tone: 'error',
        fieldErrors: {},
        values: Object.fromEntries(typed) as FormState<Field>['values'],
        key: Date.now(),
        ...explain(error, kept),
      };
    }
  };
}

/** What Next throws where the action has led to another page. */
function isRedirect(error: unknown): boolean {
  return String(Object(error).digest).startsWith('NEXT_REDIRECT');
}

function explain(error: unknown, kept: string): Pick<FormState<never>, 'message' | 'link'> {
  if (isOutdated(error)) {
    return {
      message: `The site was updated while this page was open, so this form can no longer be sent. Nothing was saved. ${kept} Send it from the new page.`,
      link: { href: location.pathname + location.search, words: 'Open the new page beside this one' },
    };
  }
  // What `fetch` throws when nothing answers.
  if (error instanceof TypeError) {
    return {
      message: `We could not be reached, so this may not have been saved. ${kept} Check your connection, then try again.`,
    };
  }
  const digest = Object(error).digest as unknown;
  return {
    message: `Something went wrong on our side, so this may not have been saved. ${kept} Try again in a moment.${
      typeof digest === 'string' ? ` If it keeps happening, tell us this reference: ${digest}` : ''
    }`,
  };
}
