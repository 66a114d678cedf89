import type { FormState } from '@/components/form-state';

/** What a form shows after a refusal: the words, and what was typed, without passwords and codes. */
export function answerForm<Field extends string>(
  answer: Partial<FormState<NoInfer<Field>>>,
  formData?: FormData,
  keep: readonly NoInfer<Field>[] = [],
): FormState<Field> {
  const values: Partial<Record<Field, string>> = {};
  for (const field of keep) {
    const value = formData?.get(field);
    if (typeof value === 'string') values[field] = value.slice(0, 300);
  }
  return { tone: 'error', fieldErrors: {}, values, key: Date.now(), ...answer };
}

/** A field of a submitted form as text; empty where it is missing or a file. */
export function readField(formData: FormData, name: string): string {
  const value = formData.get(name);
  // PostgreSQL has no NUL in text, and nobody types one.
  return typeof value === 'string' ? value.replaceAll('\0', '') : '';
}
