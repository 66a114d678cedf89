import type { FormState } from '@/components/forms/form-state';

/** What a form shows after a refusal: the words, and all that was typed, without passwords and codes. */
export function answerForm<Field extends string>(
  answer: Partial<FormState<NoInfer<Field>>>,
  formData?: FormData,
  keep: readonly NoInfer<Field>[] = [],
): FormState<Field> {
  const values: Partial<Record<Field, string>> = {};
  for (const field of keep) {
    const value = formData instanceof FormData ? formData.get(field) : null;
    if (typeof value === 'string') values[field] = value;
  }
  return { tone: 'error', fieldErrors: {}, values, key: Date.now(), ...answer };
}

/** A field of a submitted form as text; empty where it is missing or a file, or what was sent is no form at all. */
export function readField(formData: FormData, name: string): string {
  const value = formData instanceof FormData ? formData.get(name) : null;
  return typeof value === 'string' ? withoutNul(value) : '';
}

/** Every field of a submitted form, the text of each as `readField` has it; none where what was sent is no form. */
export function* readFields(formData: FormData): Generator<[string, unknown]> {
  if (!(formData instanceof FormData)) return;
  for (const [name, value] of formData) yield [name, typeof value === 'string' ? withoutNul(value) : value];
}

/** PostgreSQL has no NUL in text, and nobody types one. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '');
}
