'use server';

import { redirect } from 'next/navigation';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, text } from '@/app/_forms/read-form';
import type { FormState } from '@/components/forms/form-state';
import type { SmsFilterField } from '@/components/forms/staff/SmsFilterForm';
import { requireRole } from '@/lib/auth/sign-in/session';
import {
  maskNumberFilter,
  openNumberFilter,
  parseNumberFilter,
  sealNumberFilter,
} from '@/lib/reporting/number-filter';
import { linkToOverview, overviewPath, readStatus, type OverviewParameters } from './overview-query';

const problems = {
  too_few_digits: 'Enter four digits at least, or nothing for every number.',
  not_a_number: 'This is not a phone number. Enter one number, or its last four digits.',
} as const;

const filterForm = z.object({
  number: text.trim(),
  /** What the page was filtered by when it was loaded. */
  shownNumber: text.transform((sealed) => openNumberFilter(sealed)),
  status: text.transform((status) => readStatus(status) ?? undefined),
  attempts: z.literal('failures').optional().catch(undefined),
});

/** Leads to the page as filtered. A form that is posted, so that no address ever holds a whole number. */
export async function filterSmsAction(
  _state: FormState<SmsFilterField>,
  formData: FormData,
): Promise<FormState<SmsFilterField>> {
  await requireRole(overviewPath, 'admin');
  const form = readForm(filterForm, formData);
  if (!form.ok) redirect(overviewPath);
  const { status, attempts, number: typed, shownNumber: shown } = form.fields;
  const parameters: OverviewParameters = { status, attempts };
  if (shown && typed === maskNumberFilter(shown)) {
    parameters.number = sealNumberFilter(shown);
  } else if (typed !== '') {
    const parsed = parseNumberFilter(typed);
    if (!parsed.ok) {
      const fieldErrors = { number: problems[parsed.reason] };
      return answerForm({ fieldErrors }, formData, ['number', 'status', 'attempts']);
    }
    parameters.number = sealNumberFilter(parsed.filter);
  }
  redirect(linkToOverview(parameters, 'texts'));
}
