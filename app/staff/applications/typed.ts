import { readField } from '@/app/_forms/form-answer';
import { writtenLines } from '@/app/_forms/written-lines';

/** What a form keeps of a field: more than any takes, so that what is too long can be shortened. */
const longestKept = 10_000;

/** What someone writes, in lines, `longest` characters at most; `missing` says so where nothing is written. */
export function writtenText(longest: number, missing: string) {
  return optionalText(longest).refine((written) => written !== '', { error: missing });
}

/** The same of what may be left empty. */
export function optionalText(longest: number) {
  return writtenLines.refine((written) => written.length <= longest, {
    error: `This is too long. Enter up to ${longest.toLocaleString('en-US')} characters.`,
  });
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
