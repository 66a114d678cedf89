'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { peopleSearchProblems } from '@/app/_format/people-search-words';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import type { FormState } from '@/components/forms/form-state';
import type { PeopleFilterField } from '@/components/forms/staff/PeopleFilterForm';
import { requireRole } from '@/lib/auth/sign-in/session';
import {
  openPeopleSearch,
  parsePeopleSearch,
  sayPeopleSearch,
  sealPeopleSearch,
} from '@/lib/reporting/people';
import { linkToPeople, peoplePath, readRole, readPersonState, type PeopleParameters } from './people-query';

const searchForm = z.object({
  q: text.trim(),
  /** What the page was searched by when it was loaded. */
  shown: text.transform((sealed) => openPeopleSearch(sealed)),
  role: text.transform((role) => readRole(role) ?? undefined),
  state: text.transform((state) => readPersonState(state) ?? undefined),
});

/** Leads to the list as searched. A form that is posted, so that no address ever holds whom someone looked for. */
export async function searchPeopleAction(
  _state: FormState<PeopleFilterField>,
  formData: FormData,
): Promise<FormState<PeopleFilterField>> {
  await requireRole(peoplePath, 'admin');
  const form = readForm(searchForm, formData);
  if (!form.ok) redirect(peoplePath);
  const { q: typed, shown, role, state } = form.fields;
  const parameters: PeopleParameters = { role, state };
  if (shown && typed === sayPeopleSearch(shown)) parameters.q = sealPeopleSearch(shown);
  else {
    const parsed = parsePeopleSearch(typed);
    if (!parsed.ok) {
      const fieldErrors = { q: peopleSearchProblems[parsed.reason] };
      return answerForm({ fieldErrors }, formData, ['q', 'role', 'state']);
    }
    if (parsed.search !== null) parameters.q = sealPeopleSearch(parsed.search);
  }
  redirect(linkToPeople(parameters));
}
