'use server';

import { refresh } from 'next/cache';
import { redirect } from 'next/navigation';
import { z } from 'zod';
import { peopleSearchProblems } from '@/app/_format/people-search-words';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import type { FormState } from '@/components/forms/form-state';
import type { ApplicationsFilterField } from '@/components/forms/staff/ApplicationsFilterForm';
import type { UndoTimeField } from '@/components/forms/staff/UndoTimeForm';
import { db } from '@/db/client';
import { saveUndoSeconds, undoTime } from '@/lib/applications/undo-time';
import { requireRole } from '@/lib/auth/sign-in/session';
import {
  openPeopleSearch,
  parsePeopleSearch,
  sayPeopleSearch,
  sealPeopleSearch,
} from '@/lib/reporting/people';
import {
  applicationsPath,
  linkToApplications,
  readAge,
  readAssignee,
  readSeenNews,
  readSeenStatus,
  type ApplicationsParameters,
} from './applications-query';

const searchForm = z.object({
  q: text.trim(),
  /** What the page was searched by when it was loaded. */
  shown: text.transform((sealed) => openPeopleSearch(sealed)),
  status: text.transform((status) => readSeenStatus(status) ?? undefined),
  assignee: text.transform((assignee) => readAssignee(assignee) ?? undefined),
  age: text.transform((age) => readAge(age)?.toString()),
  news: text.transform((news) => readSeenNews(news) ?? undefined),
});

/** Leads to the list as searched. A form that is posted, so that no address ever holds whom someone looked for. */
export async function searchApplicationsAction(
  _state: FormState<ApplicationsFilterField>,
  formData: FormData,
): Promise<FormState<ApplicationsFilterField>> {
  await requireRole(applicationsPath, 'broker', 'staff', 'admin');
  const form = readForm(searchForm, formData);
  if (!form.ok) redirect(applicationsPath);
  const { q: typed, shown, ...filters } = form.fields;
  const parameters: ApplicationsParameters = filters;
  if (shown && typed === sayPeopleSearch(shown)) parameters.q = sealPeopleSearch(shown);
  else {
    const parsed = parsePeopleSearch(typed);
    if (!parsed.ok) {
      const fieldErrors = { q: peopleSearchProblems[parsed.reason] };
      return answerForm({ fieldErrors }, formData, ['q', 'status', 'assignee', 'age', 'news']);
    }
    if (parsed.search !== null) parameters.q = sealPeopleSearch(parsed.search);
  }
  redirect(linkToApplications(parameters));
}

const { shortest, longest } = undoTime;
const outOfRange = `Enter a number of seconds from ${shortest} to ${longest}.`;

const undoTimeForm = z.object({
  undoSeconds: text
    .trim()
    .regex(/^\d{1,3}$/, { error: outOfRange })
    .transform(Number)
    .refine((seconds) => seconds >= shortest && seconds <= longest, { error: outOfRange }),
});

/** Saves for how long someone may take their moves back. */
export async function saveUndoTimeAction(
  _state: FormState<UndoTimeField>,
  formData: FormData,
): Promise<FormState<UndoTimeField>> {
  const user = await requireRole(applicationsPath, 'broker', 'staff', 'admin');
  const form = readForm(undoTimeForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['undoSeconds']);
  const seconds = await saveUndoSeconds(db(), user.userId, form.fields.undoSeconds);
  refresh();
  return answerForm({
    tone: 'success',
    message: `Saved. You can take your next moves back for ${seconds} seconds.`,
    values: { undoSeconds: String(seconds) },
  });
}
