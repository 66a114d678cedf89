import { z } from 'zod';
import { text, version } from '@/app/_forms/read-form';
import { writtenLine, writtenLines } from '@/app/_forms/written-lines';
import { applicationLimits } from '@/lib/applications/application';
import { isId } from '@/lib/random';

const codePoints = (typed: string) => [...typed].length;
const visible = /[^\p{C}\p{Z}]/u;

const tooLong = (what: string, most: number) => ({
  error: ({ input }: { input?: unknown }) =>
    `${what} has ${codePoints(String(input)).toLocaleString('en-US')} characters. Use up to ${most.toLocaleString('en-US')}.`,
});

/** What someone writes, `most` characters at most; `what` names it where it is longer, and by how much. */
export const atMost = (what: string, most: number) =>
  z.string().refine((typed) => codePoints(typed) <= most, tooLong(what, most));

/** What someone writes in one line; `what` names it where it is too long, `missing` says that nothing is written. */
export const lineInput = (what: string, most: number, missing: string) =>
  writtenLine
    .pipe(z.string().refine((typed) => visible.test(typed), { error: missing }))
    .pipe(atMost(what, most));

/** The title of an application, whoever writes it. */
export const titleInput = lineInput('The title', applicationLimits.title, 'Enter a title.');

const message = writtenLines.pipe(atMost('The message', applicationLimits.message));

/** The application that a form is about; null: none, so a new one. */
const id = text.transform((typed) => (typed === '' ? null : typed));

/** A draft, which can do without a message. */
export const draftInput = z.object({ intent: text, id, version, title: titleInput, message });

/** What is handed in, which cannot. */
export const submissionInput = draftInput.extend({
  message: message.pipe(
    z.string().refine((typed) => visible.test(typed), {
      error: 'Enter a message. It is what we decide by.',
    }),
  ),
});

/** What a withdrawal is about; its version may be below zero (`shownVersion`). */
export const withdrawalInput = z.object({
  id: text,
  version: text
    .transform((value) => Number(value))
    .pipe(z.int())
    .catch(0),
});

/** An answer to what is asked for. */
export const answerInput = z.object({
  id: text,
  note: writtenLines
    .pipe(z.string().refine((typed) => visible.test(typed), { error: 'Enter your answer.' }))
    .pipe(atMost('Your answer', applicationLimits.note)),
});

/** The page of an application; the list for an id that is none. */
export function applicationPath(id: string | null): string {
  return id !== null && isId(id) ? `/applications/${id}` : '/applications';
}
