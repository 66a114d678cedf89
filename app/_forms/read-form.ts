import { z } from 'zod';
import { readField } from './form-answer';

/** What was typed; empty where a field is missing or a file. */
export const text = z.string();

/** What has to be typed; `words` say so where it is missing. */
export const required = (words: string) => text.min(1, { error: words });

/** A box that has to be ticked; `words` say so where it is not. */
export const ticked = (words: string) => z.literal('on', { error: words });

/** Whether a box is ticked. */
export const box = text.transform((value) => value === 'on');

/** The version of what a page showed, as `version` columns count them: 0 for all that is none. */
export const version = text
  .transform((value) => Number(value))
  .pipe(z.int32().nonnegative())
  .catch(0);

type Read<Shape extends z.ZodRawShape> =
  | { ok: true; fields: z.output<z.ZodObject<Shape>> }
  | { ok: false; fieldErrors: Partial<Record<keyof Shape & string, string>> };

/**
 * Reads a submitted form by a schema of its fields, each of which is given as text (`readField`). Out: the fields, or the first
 * message for each field that is wrong.
 */
export function readForm<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  formData: FormData,
): Read<Shape> {
  return readFieldsBy(schema, (name) => readField(formData, name));
}

/** The same of fields from anywhere, such as a query; `field` gives the text of one. */
export function readFieldsBy<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  field: (name: keyof Shape & string) => string,
): Read<Shape> {
  const names = Object.keys(schema.shape);
  const parsed = schema.safeParse(Object.fromEntries(names.map((name) => [name, field(name)])));
  if (parsed.success) return { ok: true, fields: parsed.data };
  const fieldErrors: Partial<Record<keyof Shape & string, string>> = {};
  for (const { path, message } of parsed.error.issues)
    fieldErrors[path[0] as keyof Shape & string] ??= message;
  return { ok: false, fieldErrors };
}
