import { readField } from '@/app/_forms/form-answer';
import { writtenLines } from '@/app/_forms/written-lines';
import { atMost } from '@/app/applications/application-input';

/** What a form keeps of a field: more than any takes, so that what is too long can be shortened. */
const longestKept = 10_000;

/**
 * What someone writes, in lines, `longest` characters at most; `what` names it where it is longer, `missing` says so where nothing
 * is written.
 */
export function writtenText(what: string, longest: number, missing: string) {
  return optionalText(what, longest).refine((written) => written !== '', { error: missing });
}

/** The same of what may be left empty. */
export function optionalText(what: string, longest: number) {
  return writtenLines.pipe(atMost(what, longest));
}

/** What was typed into some fields, to be shown again in full. */
export function keepTyped<Field extends string>(
  formData: FormData,
  fields: readonly Field[],
): Partial<Record<Field, string>> {
  const typed: Partial<Record<Field, string>> = {};
  for (const field of fields) typed[field] = readField(formData, field).slice(0, longestKept);
  return typed;
}
