'use client';

import { useMemo, useState, type FormEvent } from 'react';
import { useHydrated } from '@/components/ui/use-hydrated';
import { forgetTyping, keepTyping, readKeptTyping, type TypingPlace } from './kept-typing';

/** What keeps the fields of one form: `kept` is what is put back (`KeptNotice`), null: nothing is; `onInput` goes on the form. */
export type KeptTyping = {
  kept: Partial<Record<string, string>> | null;
  onInput: (event: FormEvent<HTMLFormElement>) => void;
  /** Its owner does without it. */
  discard: () => void;
};

/**
 * Keeps what is typed into the fields `names` until it is saved, so that a look at another page or a reload loses nothing.
 * `isAnswered`: the form shows an answer, which brings what was typed itself. Without JavaScript nothing is kept.
 */
export function useKeptTyping(
  { owner, what }: TypingPlace,
  names: readonly string[],
  isAnswered: boolean,
): KeptTyping {
  const hydrated = useHydrated();
  const [isDiscarded, setDiscarded] = useState(false);
  const kept = useMemo(() => (hydrated ? readKeptTyping({ owner, what }) : null), [hydrated, owner, what]);
  return {
    kept: isDiscarded || isAnswered ? null : kept,
    onInput: ({ currentTarget: form }) => {
      const fields = names.map((name) => form.elements.namedItem(name)).filter(isField);
      const isAsItCame = fields.every(
        (field) => field.type === 'hidden' || field.value === field.defaultValue,
      );
      if (isAsItCame) forgetTyping({ owner, what });
      else keepTyping({ owner, what }, Object.fromEntries(fields.map(({ name, value }) => [name, value])));
    },
    discard: () => {
      forgetTyping({ owner, what });
      setDiscarded(true);
    },
  };
}

/** Puts what was kept into a form. */
export function putTypingBack(form: HTMLFormElement | null, kept: Partial<Record<string, string>>): void {
  for (const [name, value] of Object.entries(kept)) {
    const field = form?.elements.namedItem(name);
    if (value !== undefined && isField(field)) field.value = value;
  }
}

function isField(element: unknown): element is HTMLInputElement | HTMLTextAreaElement {
  return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
}
